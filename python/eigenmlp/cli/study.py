"""`eigenmlp study`: the whole study with one command."""

import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from eigenmlp.cli.described import plain
from eigenmlp.cli.engines import ExecutorName, Jobs, executor_of
from eigenmlp.cli.options import Header, bad_usage_of

if TYPE_CHECKING:
    from eigenmlp.study import StudyData

__all__ = ["study"]


def study(
    *,
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data to run on: glyphs (default, drawn by eigenmlp itself), digits, "
            "kuzushiji49 or kmnist (both downloaded).",
            metavar="NAME",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Your own images instead: .npy, .npz, IDX (.gz or plain), .csv, .feather or "
            ".parquet. Arrays of uint8 are divided by 255; tables are taken as they are.",
        ),
    ] = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Their labels: a file, or the label column of the table or label array "
            "of the .npz.",
            metavar="FILE|NAME",
        ),
    ] = None,
    header: Header = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="Parts of the study, separated by commas: m0 … m4, fig1, fig2, fig3a … fig7, "
            "search, note1, dropout, norm, smoothing, clipping, activations, noise.",
            metavar="PARTS",
        ),
    ] = None,
    seeds: Annotated[
        int, typer.Option(help="Trainings of each run; the report shows mean and spread.", min=1)
    ] = 1,
    predict: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Unlabelled images whose class probabilities go to predictions.csv. By default "
            "1,000 further images of glyphs, kuzushiji49 or kmnist.",
        ),
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Cut each run short, for a first look in seconds.")
    ] = False,
    executor: ExecutorName = "processes",
    jobs: Jobs = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where to write the report and keep all runs; by default study/DATA, or "
            "study/DATA-quick with --quick.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Reproduce the whole study: all models, figures and tables, in one page.

    Trains on all cores, and writes report.html as soon as the first model is
    there, anew as further runs end, and at last beside it its figures,
    table1.md, runs.csv and predictions.csv. Every finished run is kept: after
    Ctrl-C, or worse, the same command continues and repeats nothing.

    For example:

        eigenmlp study

        eigenmlp study --quick

        eigenmlp study --only m0,fig4a,search --seeds 3

        eigenmlp study --images images.idx3-ubyte.gz --labels labels.idx1-ubyte.gz
    """
    if (images is None) != (labels is None):
        raise typer.BadParameter("--images and --labels belong together; give both or neither")
    if images is not None and dataset is not None:
        raise typer.BadParameter("--images and --dataset exclude each other; give one of them")
    # Imported here, so that the other commands start without all this.
    from eigenmlp.study.conduct import conduct_study, require_study_extra  # noqa: PLC0415
    from eigenmlp.study.study import select_groups  # noqa: PLC0415

    started = time.monotonic()
    console = Console()
    names = None if only is None else [name.strip() for name in only.split(",") if name.strip()]
    with bad_usage_of("--only"):
        select_groups(names)
    require_study_extra()
    data = _load(dataset, images, labels, predict, header=header, quick=quick)
    folder = output or Path("study") / (data.name + ("-quick" if quick else ""))
    try:
        with executor_of(executor, jobs) as (engine, at_a_time):
            if engine is None:
                return
            results = conduct_study(
                data,
                output=folder,
                only=names,
                n_seeds=seeds,
                executor=engine,
                jobs=at_a_time,
                quick=quick,
                console=console,
            )
    except KeyboardInterrupt:
        raise KeyboardInterrupt(
            "interrupted; finished runs are kept, and the same command continues from there"
        ) from None
    _say(console, f"Finished in {_duration(time.monotonic() - started)}.")
    _say(console, f"Report: {folder / 'report.html'}")
    if results.all_failures:
        _say(console, f"These runs failed, see the report: {', '.join(results.failures)}.")
        raise typer.Exit(1)


def _load(
    dataset: str | None,
    images: Path | None,
    labels: str | None,
    predict: Path | None,
    *,
    header: bool | None,
    quick: bool,
) -> "StudyData":
    from eigenmlp.study.data import load_dataset, load_files, with_unlabelled  # noqa: PLC0415

    if images is not None and labels is not None:
        data = load_files(images, labels, header=header, quick=quick)
    else:
        with bad_usage_of("--dataset"):
            data = load_dataset(dataset or "glyphs", quick=quick)
    if predict is None:
        return data
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", UserWarning)
        data = with_unlabelled(data, predict, header=header)
    for warning in told:
        typer.echo(plain(warning.message), err=True)
    return data


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
