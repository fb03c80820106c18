"""The colours of every figure."""

__all__ = [
    "AXIS",
    "BEST",
    "COLOURS",
    "GREY",
    "GRID",
    "INK",
    "LINE",
    "MUTED",
    "PALE",
    "TRAINING",
    "VALIDATION",
]

# Okabe and Ito's, told apart by the colour-blind.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
TRAINING, VALIDATION, BEST = COLOURS[:3]

# From dark to pale.
INK = "#222222"
GREY = "#555555"
MUTED = "#777777"
AXIS = "#888888"
LINE = "#bbbbbb"
PALE = "#d9d9d9"
GRID = "#e4e4e4"
