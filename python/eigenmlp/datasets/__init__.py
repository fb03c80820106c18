"""Data sets: drawn, downloaded or read from files, and split."""

from eigenmlp.datasets.dataset import Dataset
from eigenmlp.datasets.files import read_arrays
from eigenmlp.datasets.glyphs import load_glyphs
from eigenmlp.datasets.remote import KUZUSHIJI_ATTRIBUTION, fetch_kmnist, fetch_kuzushiji49
from eigenmlp.datasets.splits import split

__all__ = [
    "KUZUSHIJI_ATTRIBUTION",
    "Dataset",
    "fetch_kmnist",
    "fetch_kuzushiji49",
    "load_glyphs",
    "read_arrays",
    "split",
]
