"""`eigenmlp export`: models for other programs."""

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

import eigenmlp as em
from eigenmlp.cli.described import (
    console_for,
    facts,
    kind_of,
    labels_of,
    outputs_of,
    size_of,
)
from eigenmlp.cli.labels import picks_one_class
from eigenmlp.cli.options import Header, check_choice, check_target
from eigenmlp.cli.samples import columns_in_order, samples_for
from eigenmlp.cli.scores import as_scored
from eigenmlp.export.state_files import save_state_dict
from eigenmlp.export.view import is_of_tables, names_as_metadata, networks_of, view_of

__all__ = ["export"]

# The options that each format takes.
_FORMATS: dict[str, tuple[str, ...]] = {
    "c": ("--name", "--int8", "--data", "--labels", "--header"),
    "onnx": ("--force",),
    "torch": ("--force",),
}

_c = partial(typer.Option, rich_help_panel="C", show_default=False)


def export(
    model: Annotated[
        Path,
        typer.Argument(metavar="MODEL", help="Model file, as train saves it.", show_default=False),
    ],
    out: Annotated[
        Path,
        typer.Argument(
            metavar="OUT",
            help="What to write. c: a folder, made if there is none; else a file.",
            show_default=False,
        ),
    ],
    *,
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="NAME",
            help="c: C99 header and source; onnx: opset 17; torch: a state dict in safetensors.",
            show_default=False,
        ),
    ],
    force: Annotated[
        bool,
        typer.Option("--force", help="Overwrite the file if it exists. Earlier exports to C are."),
    ] = False,
    name: Annotated[
        str | None,
        _c(
            metavar="NAME",
            help="Of the two files, and the prefix of all C names.  [dim]\\[default: model][/dim]",
        ),
    ] = None,
    int8: Annotated[bool, _c("--int8", help="Store weights in 8 bits.")] = False,
    data: Annotated[
        str | None,
        _c(metavar="FILE", help="Samples to measure by what 8 bits cost, in a file as for train."),
    ] = None,
    labels: Annotated[
        str | None,
        _c(
            metavar="FILE|NAME",
            help="Their labels, as the model names them, to compare the accuracy as well. Of "
            "classes with names the numbers, from 0, will do.",
        ),
    ] = None,
    header: Header = None,
) -> None:
    """Write a model for other programs.

    For example:

        eigenmlp export --format c model.safetensors out/

        eigenmlp export -f c --int8 --data x.npy --labels y.npy model.safetensors out/

        eigenmlp export -f onnx model.safetensors model.onnx

        eigenmlp export -f torch model.safetensors state.safetensors
    """
    check_choice("--format", format_, _FORMATS)
    given = {
        "--force": force,
        "--name": name is not None,
        "--int8": int8,
        "--data": data is not None,
        "--labels": labels is not None,
        "--header": header is not None,
    }
    for option in (option for option, is_given in given.items() if is_given):
        if option not in _FORMATS[format_]:
            raise typer.BadParameter(
                f"the format {format_} does not take it; leave it out.", param_hint=option
            )
    if data is not None and not int8:
        raise typer.BadParameter(
            "the samples show what 8 bits cost; give --int8.", param_hint="--data"
        )
    if labels is not None and data is None:
        raise typer.BadParameter("labels need their samples; give --data.", param_hint="--labels")
    if format_ != "c":
        check_target("OUT", out, force=force)
    loaded = em.load_model(model)
    told = {"Model": kind_of(loaded)}
    if format_ == "c":
        told |= _to_c(loaded, out, name or "model", int8, data, labels, header)
    else:
        if format_ == "onnx":
            em.export.to_onnx(loaded, out)
        else:
            view = view_of(loaded)
            state = em.export.to_torch_state_dict(loaded)
            save_state_dict(out, state, names_as_metadata(loaded))
            told["Outputs"] = f"{outputs_of(view)}; what comes before that function"
            if view.classes is not None:
                told["Labels"] = f"{labels_of(view.classes)}; in the metadata alone"
        told["Written"] = f"{out}, {size_of(out)}"
    console_for().print(facts(told))


def _to_c(
    model: Any,
    folder: Path,
    name: str,
    int8: bool,
    data: str | None,
    labels: str | None,
    header: bool | None,
) -> dict[str, str]:
    X, y = None, None
    if data is not None and is_of_tables(model):
        raise typer.BadParameter(
            "of a model for tables it is not measured here; in Python do "
            "em.export.to_c(model, folder, int8=True, X=table, y=targets).",
            param_hint="--data",
        )
    if data is not None:
        if labels is not None and not picks_one_class(view_of(model)):
            raise typer.BadParameter(
                "this model does not pick one class; leave it out.", param_hint="--labels"
            )
        X, targets = samples_for(model, data, labels, header=header, class_numbers=True)
        y = None if targets is None else as_scored(model, targets)
    with columns_in_order():
        done = em.export.to_c(model, folder, name=name, int8=int8, X=X, y=y)
    weights = "int8" if int8 else networks_of(model)[0].dtype
    told = {
        "Written": f"{done.header} and {done.source}",
        "Memory": f"{done.table_bytes:,} bytes of tables (weights of {weights}), "
        f"{done.scratch_bytes:,} bytes to work in",
    }
    if done.largest_difference is not None and X is not None:
        told["8 bits"] = f"outputs differ by {done.largest_difference:.3g} at most"
        if done.score is not None:
            told["8 bits"] += f", accuracy {done.score:.4f} becomes {done.int8_score:.4f}"
        told["8 bits"] += f", on {len(X):,} samples"
    elif int8:
        told["8 bits"] = "what they cost is not known; give samples with --data"
    return told
