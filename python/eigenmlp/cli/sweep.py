"""`eigenmlp sweep`: many runs of a file of specs, on one page."""

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

import eigenmlp as em
from eigenmlp.cli.described import plain
from eigenmlp.cli.engines import ExecutorName, Jobs, executor_of
from eigenmlp.cli.options import KINDS, Header, bad_usage_of
from eigenmlp.cli.recipe import input_factor
from eigenmlp.common.extras import require
from eigenmlp.datasets.files import read_samples
from eigenmlp.files.atomic import write_atomically

__all__ = ["sweep"]

_SHOWN = 10


def sweep(
    specs: Annotated[
        Path,
        typer.Argument(metavar="SPECS.toml", help="A base, and what varies.", show_default=False),
    ],
    samples: Annotated[
        Path,
        typer.Argument(
            metavar="DATA",
            help=KINDS,
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
            max=1,
            metavar="SHARE",
            help="Share of the samples, at random, to choose by.",
        ),
    ] = 0.1,
    test: Annotated[
        float,
        typer.Option(min=0, max=1, metavar="SHARE", help="Likewise, to test with; 0 for none."),
    ] = 0.1,
    split_seed: Annotated[
        int, typer.Option(min=0, metavar="NUMBER", help="Decides which samples these are.")
    ] = 0,
    input_scale: Annotated[
        str,
        typer.Option(
            metavar="NUMBER|auto",
            help="Factor on every input, kept in the models. auto: 1/255 for images, which are "
            "arrays of uint8, else 1.",
        ),
    ] = "auto",
    executor: ExecutorName = "processes",
    jobs: Jobs = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FOLDER",
            file_okay=False,
            help="Where runs are kept, with runs.csv and runs.html.",
        ),
    ] = Path("sweep"),
) -> None:
    """Train every run that a file describes, and compare them.

    Writes runs.csv, a row for each run, and runs.html, with the curves of all runs in a table that
    sorts. Runs that are in the folder already are not repeated: after Ctrl-C, or worse, the same
    command continues.

    A file of specs:

        [base]
        hidden_layers = [100]
        epochs = 20

        [grid]
        learning_rate = [0.001, 0.01]
        optimizer = [{kind = "adam"}, {kind = "sgd", momentum = 0.9}]
        seed = [0, 1, 2]

    For example:

        eigenmlp sweep specs.toml table.csv --labels class

        eigenmlp sweep specs.toml images.npy --labels labels.npy --executor threads
    """
    # Imported here, so that the other commands start without all this.
    from eigenmlp.sweeps import run  # noqa: PLC0415
    from eigenmlp.sweeps.page import write_page  # noqa: PLC0415
    from eigenmlp.sweeps.spec_files import read_specs  # noqa: PLC0415

    require("pandas", extra="study", purpose="A table of runs")
    wanted = read_specs(specs)
    data = _data(
        samples,
        labels,
        header=header,
        shares=(validation, test),
        split_seed=split_seed,
        input_scale=input_scale,
        numbers=any(spec.build_loss().output != "softmax" for spec in wanted),
    )
    console = Console(highlight=False)
    console.print(plain(str(data)), markup=False)
    try:
        with executor_of(executor, jobs) as (engine, at_a_time):
            if engine is None:
                return
            runs = run(wanted, data, output, executor=engine, jobs=at_a_time)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "interrupted; finished runs are kept, and the same command continues from there"
        ) from None
    table = runs.table()
    write_atomically(output / "runs.csv", table.to_csv(index=False).encode())
    write_page(output / "runs.html", runs, f"{specs.name} on {samples.name}")
    if runs.results:
        console.print(_best(runs))
    console.print(f"Table: {output / 'runs.csv'}", markup=False, soft_wrap=True)
    console.print(f"Page:  {output / 'runs.html'}", markup=False, soft_wrap=True)
    if runs.failures:
        console.print(f"{len(runs.failures)} of {len(runs)} runs failed; the table says how.")
        raise typer.Exit(1)


def _data(
    path: Path,
    labels: str,
    *,
    header: bool | None,
    shares: tuple[float, float],
    split_seed: int,
    input_scale: str,
    numbers: bool,
) -> "em.sweeps.Data":
    found = read_samples(path, labels, header=header, text_labels=not numbers)
    assert found.labels is not None  # noqa: S101  since they were asked for
    X, y = found.X, found.labels
    if not numbers and y.dtype.kind not in "OUST":
        classes = found.class_numbers()
        assert classes is not None  # noqa: S101
        y = classes
    scale, _ = input_factor(input_scale, X.dtype)
    validation, test = shares
    parts = (1 - validation - test, validation, *([test] if test else []))
    with bad_usage_of("--validation, --test"):
        rows = em.datasets.split(X, np.zeros(len(X)), parts, rng=split_seed)
    taken = [(X[part], y[part]) for part in rows]
    return em.sweeps.Data(
        train=taken[0],
        validation=taken[1],
        test=taken[2] if test else None,
        input_scale=scale,
        feature_names=found.feature_names,
    )


def _best(runs: "em.sweeps.Runs") -> Table:
    table = Table(title=f"Lowest validation loss, of {len(runs)} runs", title_justify="left")
    for heading in ("run", "seed", "val loss", "epoch", "test"):
        table.add_column(heading, justify="left" if heading == "run" else "right", overflow="fold")
    ranked = sorted(runs.results, key=lambda run: run.best.val_loss)
    for result in ranked[:_SHOWN]:
        scores = result.best.scores()
        tested = scores.get("test_accuracy", scores.get("test_r2"))
        table.add_row(
            plain(result.spec.name),
            str(result.spec.seed),
            f"{result.best.val_loss:.4f}",
            str(result.best_epoch),
            "–" if tested is None else f"{tested:.3f}",
        )
    return table
