"""The compiled core, or an error that says how to get it."""

try:
    from eigenmlp import _core
except ImportError as error:
    raise ImportError(
        f"eigenmlp's compiled core can't be loaded: {error}. Build it for this machine and this "
        "Python with: python -m pip install --force-reinstall --no-cache-dir --no-binary eigenmlp "
        "eigenmlp (in a source checkout: python -m pip install .)",
        name="eigenmlp._core",
    ) from error

__all__ = ["_core"]
