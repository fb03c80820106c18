"""`eigenmlp train`: a network for the samples of a data file and their labels."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console

import eigenmlp as em
from eigenmlp.cli.options import (
    Header,
    bad_usage_of,
    check_choice,
    check_target,
    sizes,
    whole_number_or,
)
from eigenmlp.cli.recipe import (
    SCHEDULES,
    Resumption,
    go_on,
    has_checkpoints,
    input_factor,
    make_callbacks,
    make_schedule,
    stopped,
)
from eigenmlp.cli.scores import score_table
from eigenmlp.datasets.files import read_samples
from eigenmlp.datasets.splits import absences
from eigenmlp.network.initializers import INITIALIZERS
from eigenmlp.optimizers import OPTIMIZERS

__all__ = ["train"]

_DTYPES = ("float32", "float64")

_network = partial(typer.Option, rich_help_panel="Network")
_training = partial(typer.Option, rich_help_panel="Training")
_rate = partial(typer.Option, rich_help_panel="Learning rate")
_output = partial(typer.Option, rich_help_panel="Output")


def train(
    images: Annotated[
        str,
        typer.Argument(
            metavar="IMAGES",
            help="Images, or any other samples: .npy, .npz, IDX (.gz or plain), .csv or .parquet.",
            show_default=False,
        ),
    ],
    *,
    labels: Annotated[
        str,
        typer.Option(
            "--labels",
            "-l",
            metavar="FILE|NAME",
            help="Their labels: a file, or the label column of the table or label array of the "
            ".npz.",
            show_default=False,
        ),
    ],
    header: Header = None,
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
    epochs: Annotated[
        int,
        _training(min=1, metavar="NUMBER", help="Passes over the data, at most."),
    ] = 100,
    batch_size: Annotated[
        str,
        _training(metavar="NUMBER|full", help="Samples in a batch; full: all, one step an epoch."),
    ] = "64",
    optimizer: Annotated[
        str,
        _training(metavar="NAME", help=f"Update rule: {', '.join(OPTIMIZERS)}."),
    ] = "adam",
    l2: Annotated[
        float,
        _training(
            min=0, metavar="NUMBER", help="Penalty: the gradient of the weights W adds l2 * W."
        ),
    ] = 0.0,
    l2_biases: Annotated[
        bool,
        _training("--l2-biases", help="Penalize biases, too."),
    ] = False,
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
    learning_rate: Annotated[
        float,
        _rate(metavar="NUMBER", help="Learning rate of the first epoch."),
    ] = 1e-3,
    schedule: Annotated[
        str,
        _rate(metavar="NAME", help=f"How it falls: {', '.join(SCHEDULES)}."),
    ] = "constant",
    final_rate: Annotated[
        float | None,
        _rate(metavar="NUMBER", help="linear, cosine: learning rate at the end."),
    ] = None,
    gamma: Annotated[
        float | None,
        _rate(metavar="NUMBER", help="exponential, step: factor, above 0 and at most 1."),
    ] = None,
    every: Annotated[
        int | None,
        _rate(metavar="EPOCHS", help="step: epochs from one fall to the next."),
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
    """Train a network on labelled samples, and save it.

    Labels are the class numbers 0 to C-1.

    After Ctrl-C the network is saved, too, as far as it was trained.

    For example:

        eigenmlp train images.npy --labels labels.npy --epochs 30

        eigenmlp train images-idx3-ubyte.gz --labels labels-idx1-ubyte.gz

        eigenmlp train table.csv --labels class --hidden none -o linear.safetensors

        eigenmlp train numbers.csv --no-header --labels 5

        eigenmlp train x.npz --labels y --hidden 400,100,80 --patience 10

        eigenmlp train x.npz --labels y --schedule exponential --gamma 0.98

        eigenmlp train x.npz --labels y --epochs 1000 --checkpoint run
    """
    check_target("--output", output, force=force)
    if history is not None:
        # A run that goes on writes its history anew, from the first epoch.
        check_target("--history", history, force=force or has_checkpoints(checkpoint))
        if history.absolute() == output.absolute():
            raise typer.BadParameter(f"{history} is the model file.", param_hint="--history")
    if validation >= 1:
        raise typer.BadParameter(
            f"{validation:g} leaves nothing to train on; give a share below 1.",
            param_hint="--validation",
        )
    check_choice("--init", init, INITIALIZERS)
    check_choice("--dtype", dtype, _DTYPES)
    rule = OPTIMIZERS[check_choice("--optimizer", optimizer, OPTIMIZERS)]()
    rate = make_schedule(
        schedule, learning_rate, epochs, final_rate=final_rate, gamma=gamma, every=every
    )
    batch = whole_number_or("full", "--batch-size", batch_size)
    hidden_sizes = sizes("--hidden", hidden)
    stopping, callbacks = make_callbacks(
        patience, min_delta, history, checkpoint, validates=validation > 0
    )

    samples = read_samples(images, labels, header=header)
    X, y = samples.X, samples.class_numbers()
    assert y is not None  # noqa: S101  since labels were given
    if y.max() == 0:
        raise em.DataFileError(f"{labels}: every label is 0. Give samples of two classes or more")
    generator = np.random.default_rng(seed)
    parts, absent = _divided(X, y, validation, generator)
    training, *held_out = parts
    scale, why = input_factor(input_scale, X.dtype)
    network = em.Network(
        [X.shape[1], *hidden_sizes, int(y.max()) + 1],
        dtype=dtype,
        init=init,
        input_scale=scale,
        rng=generator,
    )
    network.feature_names = samples.feature_names

    console = Console(highlight=False)
    layers = ", ".join(map(str, network.layer_sizes))
    n_validation = len(held_out[0][0]) if held_out else 0
    console.print(f"Data     {len(training[0]):,} samples to train, {n_validation:,} to validate")
    console.print(f"Network  {layers}; {network.n_parameters:,} parameters of {dtype}")
    console.print(f"Inputs   {X.dtype}, times {why}")
    for line in absent:
        console.print(f"Classes  {line}")
    try:
        record = em.train(
            network,
            *training,
            optimizer=rule,
            learning_rate=rate,
            batch_size=batch,
            epochs=epochs,
            l2=l2,
            l2_biases=l2_biases,
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
    console.print(score_table(network, parts))
    console.print()
    console.print(f"Model saved in {output}.", soft_wrap=True)


def _divided(
    X: npt.NDArray[Any], y: npt.NDArray[np.int64], validation: float, rng: np.random.Generator
) -> tuple[list[tuple[npt.NDArray[Any], npt.NDArray[np.int64]]], list[str]]:
    """Return samples to train and, if asked for, to validate with, and what is to be told."""
    if validation == 0:
        return [(X, y)], []
    with bad_usage_of("--validation"):
        indices = em.datasets.split(X, y, (1 - validation, validation), rng=rng)
    named = dict(zip(("training", "validation"), indices, strict=True))
    told = absences(y, named, range(int(y.max()) + 1))
    return [(X[part], y[part]) for part in indices], told
