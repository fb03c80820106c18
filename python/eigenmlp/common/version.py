"""The version, which the build reads from here: to ask the installed package takes long."""

__all__ = ["__version__"]

__version__ = "0.1.0"
