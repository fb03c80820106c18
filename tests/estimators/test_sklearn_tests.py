"""scikit-learn's own tests of its networks, with ours in their place.

The text is that of the installed package; only the import of the two classes is replaced.
"""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest
from sklearn.neural_network import _multilayer_perceptron

# As they run there: what is not an error there is none here.
pytestmark = pytest.mark.filterwarnings("default")

_THEIRS = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"
_OURS = "from eigenmlp import MLPClassifier, MLPRegressor\n"

_PATH = Path(inspect.getfile(_multilayer_perceptron)).parent / "tests" / "test_mlp.py"
_TEXT = _PATH.read_text(encoding="utf-8")

assert _TEXT.count(_THEIRS) == 1
assert "sklearn.neural_network" not in _TEXT.replace(_THEIRS, "").split('"""', 2)[2]
exec(compile(_TEXT.replace(_THEIRS, _OURS), _PATH, "exec"))  # noqa: S102


@pytest.fixture
def global_random_seed() -> int:
    """The one that scikit-learn's tests run with unless told otherwise."""
    return 42
