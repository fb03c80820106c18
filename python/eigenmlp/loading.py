"""Model files of any kind."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from eigenmlp.common.words import reason
from eigenmlp.errors import ModelFileError
from eigenmlp.network import Network, model_file
from eigenmlp.network.loading import all_from_file

if TYPE_CHECKING:
    from eigenmlp.estimators import MLPClassifier, MLPRegressor
    from eigenmlp.tabular import TabularClassifier, TabularRegressor

    Model = Network | MLPClassifier | MLPRegressor | TabularClassifier | TabularRegressor

__all__ = ["load_model"]


def load_model(path: str | os.PathLike[str]) -> Model:
    """Read a model that `save` of a network or an estimator wrote.

    Loading runs no code from the file, and checks every name, shape and value.

    Parameters
    ----------
    path : path-like
        A safetensors file, written by any released version of eigenmlp up to this one.

    Returns
    -------
    Network, MLPClassifier, MLPRegressor, TabularClassifier or TabularRegressor
        As it was saved. An estimator is fitted, with the same parameters; what of it a file
        doesn't hold is said at `MLPClassifier.save`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ModelFileError
        If the file is not a model of eigenmlp, is damaged, or contradicts itself.

    See Also
    --------
    load_network : reads the network, also that of an estimator.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import eigenmlp as em
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
    >>> regressor = em.MLPRegressor(solver="lbfgs", random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     regressor.save(Path(folder) / "model.safetensors")
    ...     em.load_model(Path(folder) / "model.safetensors")
    MLPRegressor(random_state=0, solver='lbfgs')
    """
    content = model_file.read(path)
    networks = all_from_file(path, content)
    if content.estimator is None:
        return networks[0]
    try:
        return _estimator(content.estimator, networks)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(
            f"{os.fspath(path)}: its metadata describes no estimator: {reason(error)}"
        ) from error


def _estimator(description: dict[str, Any], networks: list[Network]) -> Model:
    from eigenmlp import estimators, tabular
    from eigenmlp.estimators.saving import restored
    from eigenmlp.tabular.saving import restored_table

    kind = description.get("kind")
    if kind in ("TabularClassifier", "TabularRegressor"):
        return restored_table(getattr(tabular, kind), description, networks)  # type: ignore[no-any-return]
    if kind not in ("MLPClassifier", "MLPRegressor"):
        raise ValueError(f"kind={kind!r} is unknown")
    if len(networks) > 1:
        raise ValueError(f"there are {len(networks)} networks, but it averages none")
    return restored(getattr(estimators, kind), description, networks[0])  # type: ignore[no-any-return]
