"""The parameters that both estimators for tables have."""

__all__ = ["TabularParameters"]


class TabularParameters:
    """Shared by the estimators.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(256, 256, 256)
        Units of the hidden layers, >= 1 each.
    n_estimators : int, default=1
        Networks with other seeds, >= 1, whose outputs are averaged; trained side by side, a thread
        each. The bits don't depend on the threads.
    max_iter : int, default=64
        Epochs, >= 1. The learning rate goes up and down four times over them: see
        `eigenmlp.schedules.coslog`.
    batch_size : int, default=256
        Samples in a step, >= 1.
    dropout : float or list of float, default=0.15
        Share of the hidden units left out in training, of all layers or of each, 0 <= p < 1.
    validation_fraction : float, default=0.2
        Share of the samples held out, by which the best epoch is found, 0 <= f < 1. With 0, and
        without `X_val`, the last epoch is kept.
    categorical_features : sequence of int or str, default=()
        Places (from 0) or names of columns that are categories whatever their type, as numbers that
        are codes.
    max_categories : int, default=32
        Categories of a column that are told apart, >= 2; where it has more, the rare ones count as
        one together.
    callbacks : list of Callback, default=()
        `eigenmlp.callbacks`, called in training. With `n_estimators` > 1 networks then train one
        after the other.
    verbose : bool or 'bar', default=False
        'bar' shows the progress of a single network.
    n_threads : int or None, default=None
        Threads, >= 1; None is one a core, shared with other calls.
    random_state : int, RandomState or None, default=None
        Seed of the samples held out, of the initial weights, of dropout and of the orders.
    """
