"""The classifier, and the full description of the parameters that both estimators share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target
from sklearn.utils.validation import check_is_fitted

from eigenmlp.common.documentation import with_parameters_of
from eigenmlp.estimators.labels import LabelledMLP
from eigenmlp.estimators.parameters import constraints_of, store
from eigenmlp.estimators.samples import refuse_what_is_no_array
from eigenmlp.estimators.whole_fits import whole_or_not_at_all
from eigenmlp.training import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from eigenmlp.callbacks import Callback

__all__ = ["MLPClassifier"]


@with_parameters_of(TrainingSettings)
class MLPClassifier(ClassifierMixin, LabelledMLP):  # type: ignore[misc]  # scikit-learn has no types
    r"""Multilayer perceptron for classification, in the place of scikit-learn's.

    A drop-in for `sklearn.neural_network.MLPClassifier`: parameters, attributes, warnings and
    errors are the same, and with the same `random_state` the initial parameters, the order of
    samples and the validation split are; further parameters, all with neutral defaults, go beyond
    it. It minimises, over samples i of weight w,

    .. math:: \frac{\sum_i w_i \ell_i + \frac{\alpha}{2} \sum_l \|W^l\|^2}{\sum_i w_i}

    where :math:`\ell` is the cross-entropy of the softmax of several classes, and of the logistic
    function for two classes, or, summed over the labels, for multilabel y.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of the hidden layers, >= 1 each.
    activation : str or list of str, default='relu'
        Of the hidden layers, one for all or one for each: 'identity', 'logistic', 'tanh', 'relu',
        and beyond scikit-learn all others that `eigenmlp.Network` knows.
    solver : {'adam', 'sgd', 'lbfgs', 'adamw'}, default='adam'
        'adam' and 'sgd' are those of `eigenmlp.optimizers`, with Adam's ε where scikit-learn has
        it; 'adamw' decays weights apart from the gradient; 'lbfgs' is SciPy's L-BFGS-B on all
        samples at once, best for small data.
    alpha : float, default=0.0001
        Penalty on squared weights, >= 0, as above: its λ is `alpha` divided by the batch's weight,
        so it acts less the larger the batches are.
    batch_size : int or 'auto', default='auto'
        Samples in a step, >= 1; 'auto' is ``min(200, n_samples)``.
    learning_rate : {'constant', 'invscaling', 'adaptive'} or callable, default='constant'
        By name only with solver 'sgd': always `learning_rate_init`; that over
        :math:`(t + 1)^{\text{power\_t}}` after each epoch, t being `t_`; or a fifth of the rate
        before when training would stop, until it is 1e-6. A callable, such as those of
        `eigenmlp.schedules`, gives the rate by itself, with any solver.
    learning_rate_init : float, default=0.001
        Learning rate, > 0; the first one with solver 'sgd'.
    power_t : float, default=0.5
        Exponent of 'invscaling', >= 0.
    max_iter : int, default=200
        Most epochs, >= 1, or iterations of 'lbfgs'.
    shuffle : bool, default=True
        Draw a new order of samples each epoch.
    random_state : int, RandomState instance or None, default=None
        Of the initial parameters, the validation split, the orders of samples and dropout. A number
        gives the same bits, on any number of threads; each fit begins with it anew.
    tol : float, default=1e-4
        What counts as progress, >= 0: see `n_iter_no_change`.
    verbose : bool, int or 'bar', default=False
        Print each epoch's loss; or show a progress bar in a terminal or a notebook.
    warm_start : bool, default=False
        Continue, at the next `fit`, with the parameters, the optimizer's moments and the learning
        rate that the last has left.
    momentum : float, default=0.9
        Of 'sgd', 0 to 1.
    nesterovs_momentum : bool, default=True
        Let 'sgd' look ahead by its momentum, if that is > 0.
    early_stopping : bool, default=False
        Let the validation score decide when to stop rather than the training loss. Without `X_val`
        a share of the samples is held out for it.
    validation_fraction : float, default=0.1
        That share, 0 <= validation_fraction < 1. Two classes are split in proportion.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of Adam's first and second moments, in [0, 1).
    epsilon : float, default=1e-8
        Adam's ε, >= 1e-37.
    n_iter_no_change : int or inf, default=10
        Stop once the loss hasn't fallen by `tol`, or the score hasn't risen by it, for more epochs
        in a row than these, >= 1.
    max_fun : int, default=15000
        Most evaluations of the loss by 'lbfgs', >= 1.
    label_smoothing : float, default=0.0
        Share s in [0, 1) of each target that is spread over all K classes:
        :math:`(1 - s) y + s / K`, where K is 2 for logistic outputs.
    class_weight : dict, 'balanced' or None, default=None
        Factors, finite and >= 0, of the samples' weights by class label: 1 for classes that are not
        in the dict; labels in the dict that no class has count nothing. Or
        ``n_samples / (n_classes * samples of the class)``. Samples held out of the training data
        are weighted likewise, `X_val` isn't. Not for multilabel y.
    dropout : float or list of float, default=0.0
        Probability in [0, 1) to drop a hidden unit in training, one for all layers or one for each.
    normalization : {'batch', 'layer', None} or list of them, default=None
        Of the hidden layers, one for all or one for each: see `eigenmlp.Network`.
    amsgrad : bool, default=False
        Let 'adam' and 'adamw' go by the largest second moment so far.
    weight_decay : float, default=0.01
        λ of 'adamw', >= 0: before each step, weights shrink by the factor 1 - ηλ.
    <TrainingSettings>
    schedule_unit : {'epoch', 'step'}, default='epoch'
        What a callable `learning_rate` counts, from 0 and on through warm starts.
    monitor : str, callable or None, default=None
        Validation score: 'loss' (its negative), the name of a scikit-learn scorer such as
        'accuracy', 'balanced_accuracy', 'f1_macro' or 'r2', or a function
        ``(estimator, X, y) -> float``; larger is better. None is what `score` says.
    callbacks : sequence of Callback, default=()
        See `eigenmlp.callbacks`. They are called after the epoch has been recorded. `clone`, and so
        a search, copies neither them nor functions given as other parameters: see
        `eigenmlp.callbacks.Callback`.
    n_threads : int or None, default=None
        Threads to compute with, >= 1; None decides by the work and the call's share of the cores,
        which calls at the same time split evenly: see `eigenmlp.train`.

    Attributes
    ----------
    classes_ : (n_classes,) array
        Labels, sorted.
    coefs_, intercepts_ : list of arrays
        Weights (fan_in, fan_out) and biases (fan_out,) of each layer. The arrays are read-only;
        others may be put in their place, and are taken over at the next call.
    loss_, loss_curve_ : float and list of float
        Objective above of the last epoch, and of each, as its batches passed.
    best_loss_ : float or None
        Smallest of them; None with `early_stopping`.
    validation_scores_, best_validation_score_ : list of float and float, or None
        Score after each epoch, and the best; None without validation data.
    validation_loss_curve_ : list of float or None
        Mean loss of the validation data after each epoch, without penalty.
    n_iter_ : int
        Epochs, or iterations of 'lbfgs', of the last fit.
    t_ : int
        Samples seen so far, each epoch's anew.
    n_layers_, n_outputs_, n_features_in_ : int
        Layers, input and output included; output units; columns of X.
    feature_names_in_ : (n_features_in_,) array of str
        Names of the columns of X, if it has such.
    out_activation_ : {'softmax', 'logistic'}
        Activation of the output layer.

    See Also
    --------
    MLPRegressor : for numbers.
    eigenmlp.from_sklearn : makes one from a fitted model of scikit-learn's.
    eigenmlp.train : what the solvers are made of.

    Notes
    -----
    Where it differs from scikit-learn:

    - `warm_start` and `partial_fit` continue the solver: Adam's moments and clock, the momentum and
      an adaptive rate. n epochs and then m are n + m, to the bit, where the order of samples is:
      with ``shuffle=False``, or with a RandomState, whose orders go on as well; and without
      validation data, whose best epoch returns. scikit-learn's `warm_start` begins with fresh
      moments.
    - Weights of 0 mean absence, in every respect. scikit-learn lets such samples take a place in
      batches. Negative weights are refused.
    - A score of NaN is not progress. Training that diverges stops at once: with validation data it
      warns and keeps the best parameters before, without them it is a ValueError.
    - With validation data the best parameters return however training ends, Ctrl-C included.
    - A fit that raises leaves the model as it was before, fitted or not.
    - Predictions have the dtype of the fit, and raise an ArithmeticError rather than be infinite.
    - 'lbfgs' computes in float64 whatever X is, and goes by a loss that its gradient belongs to;
      scikit-learn's doesn't where squared errors have several outputs.

    References
    ----------
    X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010. D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization",
    ICLR 2015.

    Examples
    --------
    >>> import eigenmlp as em
    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> clf = em.MLPClassifier(
    ...     hidden_layer_sizes=(20,), activation="silu", learning_rate_init=0.02, tol=1e-3,
    ...     random_state=0,
    ... )
    >>> clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2]).score(X[1::2], y[1::2]) > 0.9
    True
    """

    loss = "log_loss"

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str | Sequence[str] = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[int], float] = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int | str = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        label_smoothing: float = 0.0,
        class_weight: Mapping[Any, float] | str | None = None,
        dropout: float | Sequence[float] = 0.0,
        normalization: str | Sequence[str | None] | None = None,
        amsgrad: bool = False,
        weight_decay: float = 0.01,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        rate_factors: Mapping[str | int, float] | None = None,
        schedule_unit: str = "epoch",
        monitor: str | Callable[..., float] | None = None,
        callbacks: Sequence[Callback] = (),
        n_threads: int | None = None,
    ) -> None:
        store(self, locals())

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = constraints_of(__init__)

    @available_if(lambda estimator: estimator._check_solver())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch more, with the optimizer's moments, on these samples.

        A call that raises leaves all as it was.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.
        classes : (n_classes,) array, default=None
            All labels that will ever come. Needed at the first call.

        Returns
        -------
        MLPClassifier
            The estimator itself.

        Raises
        ------
        TypeError, ValueError
            As for `fit`, and with ``early_stopping=True`` or ``class_weight='balanced'``.
        """
        self._refuse_no_arrays(X, y, sample_weight)
        with whole_or_not_at_all(self):
            if _check_partial_fit_first_call(self, classes):
                multilabel = type_of_target(y).startswith("multilabel")
                self._label_binarizer = LabelBinarizer().fit(y if multilabel else classes)
            self._fit(X, y, sample_weight, None, incremental=True)
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict the classes of samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The samples.

        Returns
        -------
        (n_samples,) array of labels, or (n_samples, n_outputs) indicator array
            The most probable class; or of each label, whether its probability is above 0.5, sparse
            if y was.

        Raises
        ------
        ValueError
            If X is not numeric, of another width, or not finite.
        ArithmeticError
            If the numbers overflow on their way.
        """
        check_is_fitted(self)
        network = self._model()
        predicted = network.predict(self._checked_rows(X), n_threads=self.n_threads)
        if self._label_binarizer.y_type_.startswith("multilabel"):
            return self._labels(predicted) if self._label_binarizer.sparse_input_ else predicted
        if len(self.classes_) == 1:
            return np.repeat(self.classes_, len(predicted))
        labels: NDArray[Any] = self.classes_[predicted.ravel()]
        return labels

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Predict the probabilities of the classes.

        Parameters
        ----------
        X
            As for `predict`.

        Returns
        -------
        (n_samples, n_classes) array
            In the order of `classes_`.

        Raises
        ------
        ValueError, ArithmeticError
            As for `predict`.
        """
        check_is_fitted(self)
        outputs = self._outputs(X)
        return np.hstack([1 - outputs, outputs]) if self.n_outputs_ == 1 else outputs

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Predict the logarithms of the probabilities of the classes.

        Parameters
        ----------
        X
            As for `predict`.

        Returns
        -------
        (n_samples, n_classes) array
            In the order of `classes_`.

        Raises
        ------
        ValueError, ArithmeticError
            As for `predict`.
        """
        probabilities = self.predict_proba(X)
        logarithms: NDArray[Any] = np.log(probabilities, out=probabilities)
        return logarithms

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Share of samples whose class, or all of whose labels, are predicted rightly.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`.

        Returns
        -------
        float

        Raises
        ------
        TypeError, ValueError, ArithmeticError
            As for `predict`, and if y or the weights are of another type, shape or range.
        """
        refuse_what_is_no_array(X=X, y=y, sample_weight=sample_weight)
        return float(super().score(X, y, sample_weight))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
