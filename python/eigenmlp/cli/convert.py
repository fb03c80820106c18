"""`eigenmlp convert`: models of PyTorch, of Keras and of older formats as model files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

import eigenmlp as em
from eigenmlp.cli.described import console_for, counted, facts, kind_of, size_of
from eigenmlp.cli.options import bad_usage_of, check_target, number
from eigenmlp.export.keras_files import is_keras_file, keras_layers, keras_weights, readable
from eigenmlp.export.state_files import load_state_dict
from eigenmlp.files.safetensors import SafetensorsError, SafetensorsFile, strict_json
from eigenmlp.network import model_file

__all__ = ["convert"]

_STATE_OPTIONS = "--activation, --normalization, --outputs, --input-scale"
_WHOLE_OPTIONS = "--activation, --normalization, --input-scale"
_UNNAMED = "a network has no place for them, and counts its classes from 0, in this order"


def convert(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="IN",
            help="A PyTorch state dict in a safetensors file, a model of Keras (.keras, .h5), or a "
            "model file.",
            show_default=False,
        ),
    ],
    target: Annotated[
        Path, typer.Argument(metavar="OUT", help="Model file to write.", show_default=False)
    ],
    *,
    activation: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Of a state dict's hidden layers, one for all or one for each, with commas.  "
            "[dim]\\[default: relu][/dim]",
            rich_help_panel="State dict",
            show_default=False,
        ),
    ] = None,
    normalization: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Of a state dict's hidden layers: batch, layer or none, one for all or one for "
            "each, with commas.  [dim]\\[default: what the state dict tells][/dim]",
            rich_help_panel="State dict",
            show_default=False,
        ),
    ] = None,
    outputs: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Of a state dict: softmax, logistic, identity or exponential.  "
            "[dim]\\[default: softmax][/dim]",
            rich_help_panel="State dict",
            show_default=False,
        ),
    ] = None,
    input_scale: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER",
            help="What a state dict's inputs were multiplied by.  [dim]\\[default: 1][/dim]",
            rich_help_panel="State dict",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite OUT if it exists.")] = False,
) -> None:
    """Write a model file of the newest format.

    The layers of a state dict are taken in the order of the numbers in their names, as in a
    torch.nn.Sequential. What it doesn't tell are the options of the panel below: a weight behind a
    layer may be that of a layer normalization or of others, and is refused without
    --normalization.

    A model of Keras tells all of it, but for --outputs where its last layer has no activation. Of a
    file of weights alone, Dense layers are taken as a state dict is.

    For example:

        eigenmlp convert state.safetensors model.safetensors --activation gelu

        eigenmlp convert model.keras model.safetensors
    """
    check_target("OUT", target, force=force)
    model: Any
    classes: list[str] = []
    assumed: list[str] = []
    keras = is_keras_file(source)
    whole = keras and _is_whole(source)
    others = (activation, normalization, input_scale)
    if whole:
        if any(option is not None for option in others):
            raise typer.BadParameter(
                f"{source} is a model of Keras, which tells them; leave them out.",
                param_hint=_WHOLE_OPTIONS,
            )
        with bad_usage_of("IN, --outputs"):
            model = em.export.from_keras(source, output=outputs)
        told = "model of Keras"
    elif not keras and _is_model_file(source):
        if any(option is not None for option in (*others, outputs)):
            raise typer.BadParameter(
                f"{source} is a model file, which tells them; leave them out.",
                param_hint=_STATE_OPTIONS,
            )
        model = em.load_model(source)
        told = f"format version {model_file.FORMAT_VERSION}"
    else:
        state, told = _keras_weights(source) if keras else _state(source)
        model = _from_state(
            state, activation or "relu", normalization, outputs or "softmax", input_scale or "1"
        )
        if outputs is None and model.layer_sizes[-1] == 1:
            raise typer.BadParameter(
                "the file has one output, and softmax makes 1 of it whatever it is; say "
                "logistic, identity or exponential.",
                param_hint="--outputs",
            )
        model.feature_names = _names(source, "feature_names", model.layer_sizes[0]) or None
        # Of two classes there may be one output.
        classes = _names(source, "classes", max(model.layer_sizes[-1], 2))
        assumed = ["relu activations"] if activation is None and model.activations else []
        assumed += ["softmax outputs"] if outputs is None else []
    untold = f"which {'weights alone do' if keras else 'a state dict does'} not tell"
    model.save(target)
    console_for().print(
        facts(
            {
                "Model": kind_of(model),
                "Read": f"{source}, {told}",
                **({"Assumed": f"{', '.join(assumed)}, {untold}"} if assumed else {}),
                **({"Labels": f"{counted(classes)}; {_UNNAMED}"} if classes else {}),
                "Written": f"{target}, format version {model_file.FORMAT_VERSION}, "
                f"{size_of(target)}",
            }
        )
    )


def _is_model_file(path: Path) -> bool:
    """Tell a model file, or what can't be read at all, from another safetensors file."""
    try:
        with SafetensorsFile(path) as file:
            return "eigenmlp" in file.metadata
    except (OSError, SafetensorsError):
        return True


def _names(path: Path, key: str, count: int) -> list[str]:
    """Return names that `eigenmlp export` put beside a state dict; none where it isn't so."""
    try:
        with SafetensorsFile(path) as file:
            text = file.metadata.get(key, "[]")
        names = strict_json(text)
    except SafetensorsError:
        return []
    fits = isinstance(names, list) and len(names) == len(set(map(str, names))) == count
    return names if fits and all(isinstance(name, str) for name in names) else []


def _is_whole(path: Path) -> bool:
    with readable(path):
        return keras_layers(path) is not None


def _keras_weights(path: Path) -> tuple[dict[str, Any], str]:
    with readable(path):
        return keras_weights(path), "weights of Keras"


def _state(path: Path) -> tuple[dict[str, Any], str]:
    """Read a state dict, and say what was read."""
    state, dtypes = load_state_dict(path)
    short = sorted(dtypes & {"BF16", "F16"})
    return state, f"state dict, its {' and '.join(short)} exactly as F32" if short else "state dict"


def _from_state(
    state: dict[str, Any],
    activation: str,
    normalization: str | None,
    outputs: str,
    input_scale: str,
) -> em.Network:
    scale = number("--input-scale", input_scale)
    with bad_usage_of(f"IN, {_STATE_OPTIONS}"):
        return em.export.from_torch_state_dict(
            state,
            activation=_one_or_each(activation.split(",")),
            normalization=_one_or_each(_normalizations(normalization)),
            output=outputs,
            input_scale=scale,
        )


def _normalizations(text: str | None) -> list[str | None]:
    names = ["none"] if text is None else text.split(",")
    return [None if name == "none" else name for name in names]


def _one_or_each(names: Sequence[str | None]) -> Any:
    return names[0] if len(names) == 1 else names
