"""`eigenmlp train`: a network for the samples of a data file and their labels."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

import eigenmlp as em
from eigenmlp.cli.labels import targets_of
from eigenmlp.cli.options import (
    KINDS,
    Array,
    Decimal,
    Encoding,
    Header,
    Missing,
    bad_usage_of,
    check_choice,
    check_target,
    names,
    per_layer,
    sizes,
    table_option,
)
from eigenmlp.cli.recipe import (
    Resumption,
    go_on,
    has_checkpoints,
    input_factor,
    make_callbacks,
    stopped,
)
from eigenmlp.cli.scores import score_table
from eigenmlp.cli.settings import with_settings
from eigenmlp.cli.table_training import TASKS, check_use, is_given, train_table
from eigenmlp.datasets.files import SampleFile, read_samples
from eigenmlp.datasets.splits import absences
from eigenmlp.export.view import view_of
from eigenmlp.network.architecture import ACTIVATIONS, NORMALIZATIONS
from eigenmlp.network.initializers import INITIALIZERS
from eigenmlp.training import TrainingSettings

__all__ = ["train"]

_DTYPES = ("float32", "float64")
# As they are called here: None is "none".
_NORMALIZATIONS = tuple(name or "none" for name in NORMALIZATIONS)

_network = partial(typer.Option, rich_help_panel="Network")
_training = partial(typer.Option, rich_help_panel="Training")
_output = partial(typer.Option, rich_help_panel="Output")


@with_settings
def train(
    images: Annotated[
        str,
        typer.Argument(
            metavar="IMAGES",
            help=f"Images, or any other samples: {KINDS}",
            show_default=False,
        ),
    ],
    *,
    context: typer.Context,
    labels: Annotated[
        str | None,
        typer.Option(
            "--labels",
            "-l",
            metavar="FILE|NAME",
            help="Their labels: a file, or the label column of the table or label array of the "
            ".npz.",
            show_default=False,
        ),
    ] = None,
    header: Header = None,
    array: Array = None,
    target: Annotated[
        str | None,
        table_option(
            "--target",
            metavar="COLUMN",
            help="Learn to predict this column of a table with words and gaps, from all others; in "
            "the place of --labels.",
        ),
    ] = None,
    task: Annotated[
        str,
        table_option(
            metavar="|".join(TASKS),
            help="What the target is of; by default told from its values.",
            show_default=True,
        ),
    ] = TASKS[0],
    ignore: Annotated[
        str | None,
        table_option(
            metavar="COLUMNS",
            help="Columns to leave aside, separated by commas.",
        ),
    ] = None,
    categories: Annotated[
        str | None,
        table_option(
            metavar="COLUMNS",
            help="Columns whose cells are words also where they look like numbers, as codes do.",
        ),
    ] = None,
    networks: Annotated[
        int,
        table_option(
            min=1,
            metavar="NUMBER",
            help="Train so many networks, and average them.",
            show_default=True,
        ),
    ] = 1,
    encoding: Encoding = None,
    decimal: Decimal = None,
    missing: Missing = None,
    validation: Annotated[
        float,
        typer.Option(
            min=0,
            metavar="SHARE",
            help="Share of the samples, drawn at random, to validate with; 0 for none.",
        ),
    ] = 0.1,
    hidden: Annotated[
        str,
        _network(metavar="SIZES|none", help="Units of the hidden layers, separated by commas."),
    ] = "100",
    init: Annotated[
        str,
        _network(metavar="NAME", help=f"Initial weights: {', '.join(INITIALIZERS)}."),
    ] = "he_normal",
    input_scale: Annotated[
        str,
        _network(
            metavar="NUMBER|auto",
            help="Factor on every input, kept in the model. auto: 1/255 for images, which are "
            "arrays of uint8, else 1; for pixels in a table give 1/255.",
        ),
    ] = "auto",
    dtype: Annotated[
        str,
        _network(metavar="NAME", help=f"Type of the parameters: {', '.join(_DTYPES)}."),
    ] = "float32",
    activation: Annotated[
        str,
        _network(
            metavar="NAME",
            help="Of the hidden layers, one for all or one for each, separated by commas: "
            f"{', '.join(ACTIVATIONS)}.",
        ),
    ] = "relu",
    normalization: Annotated[
        str,
        _network(
            metavar="NAME",
            help=f"Likewise: {', '.join(_NORMALIZATIONS)}.",
        ),
    ] = "none",
    dropout: Annotated[
        str,
        _network(
            metavar="SHARES",
            help="Share of the hidden units that each step leaves out, one for all layers or one "
            "for each, separated by commas.",
        ),
    ] = "0",
    settings: TrainingSettings,
    patience: Annotated[
        int | None,
        _training(
            min=1,
            metavar="EPOCHS",
            help="Stop early when the validation loss has not improved for so many epochs, and "
            "keep the best weights.",
        ),
    ] = None,
    min_delta: Annotated[
        float | None,
        _training(
            min=0,
            metavar="NUMBER",
            help="Only more than this is an improvement.  [dim]\\[default: 0][/dim]",
        ),
    ] = None,
    seed: Annotated[
        int,
        _training(
            min=0, metavar="NUMBER", help="Decides split, initial weights and order of samples."
        ),
    ] = 0,
    threads: Annotated[
        int | None,
        _training(
            min=1, metavar="NUMBER", help="Threads to compute with; by default as many as help."
        ),
    ] = None,
    output: Annotated[
        Path,
        _output("--output", "-o", metavar="FILE", help="Model file."),
    ] = Path("model.safetensors"),
    history: Annotated[
        Path | None,
        _output(metavar="FILE", help="CSV file with a row for every epoch."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        _output(
            metavar="FOLDER",
            help="Keep a checkpoint of every epoch here. The same command, after a crash, goes on "
            "from the last one.",
        ),
    ] = None,
    force: Annotated[
        bool,
        _output("--force", help="Overwrite files that exist."),
    ] = False,
) -> None:
    """Train a network on labelled samples, or a model of a table as it is, and save it.

    A table with words, gaps and names is trained from by --target alone; scores are shown of rows
    that were held out, and what the simplest guess would have been.

    Labels are the class numbers 0 to C-1. With --loss binary_cross_entropy they are 0 and 1, and
    with another --loss the numbers to predict.

    After Ctrl-C the network is saved, too, as far as it was trained.

    For example:

        eigenmlp train people.csv --target income

        eigenmlp train images.npy --labels labels.npy --epochs 30

        eigenmlp train images-idx3-ubyte.gz --labels labels-idx1-ubyte.gz

        eigenmlp train table.csv --labels class --hidden none -o linear.safetensors

        eigenmlp train numbers.csv --no-header --labels 5

        eigenmlp train x.npz --labels y --hidden 400,100,80 --patience 10

        eigenmlp train all.npz --array images --labels digits

        eigenmlp train x.npz --labels y --schedule exponential --gamma 0.98

        eigenmlp train houses.csv --labels price --loss huber --normalization batch

        eigenmlp train x.npz --labels y --epochs 1000 --checkpoint run
    """
    check_target("--output", output, force=force)
    check_use(context, labels, target, validation)
    if target is not None:
        train_table(
            images,
            target,
            reading={
                "header": header,
                "encoding": encoding,
                "decimal": decimal,
                "missing": missing,
                "array": array,
            },
            categories=names(categories),
            task=task,
            ignored=names(ignore),
            held_out=validation,
            networks=networks,
            epochs=settings.epochs if is_given(context, "epochs") else None,
            seed=seed,
            threads=threads,
            output=output,
        )
        return
    assert labels is not None  # noqa: S101
    if history is not None:
        # A run that goes on writes its history anew, from the first epoch.
        check_target("--history", history, force=force or has_checkpoints(checkpoint))
        if history.absolute() == output.absolute():
            raise typer.BadParameter(f"{history} is the model file.", param_hint="--history")
    check_choice("--init", init, INITIALIZERS)
    check_choice("--dtype", dtype, _DTYPES)
    hidden_sizes = sizes("--hidden", hidden)
    layers = {
        "activation": per_layer("--activation", activation, ACTIVATIONS),
        "normalization": per_layer("--normalization", normalization, _NORMALIZATIONS),
        "dropout": per_layer("--dropout", dropout, None),
    }
    stopping, callbacks = make_callbacks(
        patience, min_delta, history, checkpoint, validates=validation > 0
    )
    assert isinstance(settings.loss, em.losses.Loss)  # noqa: S101  the command's always is
    output_kind = settings.loss.output
    # A layer's setting is refused before files are read.
    with bad_usage_of("--activation, --normalization, --dropout"):
        em.Network([1, *(1 for _ in hidden_sizes), 1], output=output_kind, **layers)

    samples = read_samples(images, labels, header=header, array=array)
    X = samples.X
    n_outputs = _n_outputs(samples, output_kind, labels)
    generator = np.random.default_rng(seed)
    parts = _divided(X, validation, generator)
    scale, why = input_factor(input_scale, X.dtype)
    network = em.Network(
        [X.shape[1], *hidden_sizes, n_outputs],
        output=output_kind,
        dtype=dtype,
        init=init,
        input_scale=scale,
        rng=generator,
        **layers,
    )
    network.feature_names = samples.feature_names
    assert samples.labels is not None  # noqa: S101  since labels were given
    y = targets_of(view_of(network), samples.labels, samples.label_source, n_samples=len(X))

    console = Console(highlight=False)
    training, *held_out = [(X[part], y[part]) for part in parts.values()]
    n_samples = [*map(len, parts.values()), 0]
    console.print(f"Data     {n_samples[0]:,} samples to train, {n_samples[1]:,} to validate")
    told = ", ".join(map(str, network.layer_sizes))
    console.print(f"Network  {told}; {network.n_parameters:,} parameters of {dtype}")
    console.print(f"Inputs   {X.dtype}, times {why}")
    if output_kind == "softmax" and held_out:
        for line in absences(y, parts, range(n_outputs)):
            console.print(f"Classes  {line}")
    try:
        record = em.train(
            network,
            *training,
            **settings.arguments(),
            validation_data=held_out[0] if held_out else None,
            callbacks=[Resumption(console), *callbacks],
            resume_from=checkpoint,
            rng=generator,
            n_threads=threads,
            progress=True,
        )
    except KeyboardInterrupt:
        network.save(output)
        raise KeyboardInterrupt(
            f"Interrupted. The network, as far as it was trained, is saved in {output}."
            + go_on(checkpoint)
        ) from None
    network.save(output)
    seconds = sum(record["seconds"])
    console.print(f"Epochs   {record.n_epochs} in {seconds:.1f} s{stopped(stopping)}")
    console.print()
    console.print(score_table(network, settings.loss, [training, *held_out]))
    console.print()
    console.print(f"Model saved in {output}.", soft_wrap=True)


def _n_outputs(samples: SampleFile, output: str, labels: str) -> int:
    """Count the outputs that a network needs for the labels."""
    assert samples.labels is not None  # noqa: S101
    if output != "softmax":
        return 1 if samples.labels.ndim == 1 else int(samples.labels.shape[1])
    y = samples.class_numbers()
    assert y is not None  # noqa: S101
    if y.max() == 0:
        raise em.DataFileError(f"{labels}: every label is 0. Give samples of two classes or more")
    return int(y.max()) + 1


def _divided(
    X: npt.NDArray[Any], validation: float, rng: np.random.Generator
) -> dict[str, npt.NDArray[np.intp]]:
    """Return the indices of samples to train and, if asked for, to validate with."""
    if validation == 0:
        return {"training": np.arange(len(X))}
    with bad_usage_of("--validation"):
        # Not in proportion to classes, so that no labels are needed.
        parts = em.datasets.split(X, np.zeros(len(X)), (1 - validation, validation), rng=rng)
    return dict(zip(("training", "validation"), parts, strict=True))
