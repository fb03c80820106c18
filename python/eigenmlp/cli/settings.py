"""The settings of training as options of a command, each made of the field that declares it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import json
import typing
from dataclasses import MISSING, Field, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eigenmlp.cli.options import bad_usage_of, check_choice, flag_of, table, whole_number_or
from eigenmlp.common.options import Choice, Flag, Real, Table, Whole, check_of
from eigenmlp.common.plain import from_plain
from eigenmlp.losses import LOSSES
from eigenmlp.metrics import METRICS
from eigenmlp.optimizers import OPTIMIZERS
from eigenmlp.schedules import SCHEDULES, warmup
from eigenmlp.training import TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["with_settings"]

# What each field is called on the command line, where its own name says too little there.
_RENAMED = {"final": "final_rate", "q": "quantile"}
# Fields that follow from other options: the rate that falls, and for how long it does.
_RATES = {"value", "initial"}
_FROM_OTHERS = {*_RATES, "epochs"}


@dataclass(frozen=True)
class _Kinds:
    """Classes of which one is chosen by name; the fields of each are options.

    Attributes
    ----------
    what : str
        The option that chooses: "schedule".
    panel : str
        Heading of the options in the help.
    help : str
    default : str
    kinds : dict of str to class
    """

    what: str
    panel: str
    help: str
    default: str
    kinds: Mapping[str, type[Any]]

    def parameters(self) -> list[inspect.Parameter]:
        """Return the option that chooses, and those of every kind."""
        names = f"{self.help}: {', '.join(self.kinds)}."
        chooser = _parameter(self.what, str, self.default, names, self.panel, metavar="NAME")
        fields = {field.name: field for kind in self.kinds.values() for field in _fields(kind)}
        return [chooser, *(self._parameter(field) for field in fields.values())]

    def _parameter(self, field: Field[Any]) -> inspect.Parameter:
        takers = [n for n, kind in self.kinds.items() if field.name in kind.__dataclass_fields__]
        sentence = field.metadata["told"]
        told = f"{', '.join(takers)}: {sentence[0].lower()}{sentence[1:]}"
        if field.default is not MISSING and field.default is not False:
            told += f"  [dim]\\[default: {field.default:g}][/dim]"
        name = _RENAMED.get(field.name, field.name)
        if field.type in {"bool", bool}:
            return _parameter(name, bool, False, told, self.panel)
        kind = int if field.type in {"int", int} else float
        return _parameter(name, kind | None, None, told, self.panel)

    def made(self, given: dict[str, Any], **others: Any) -> Any:
        """Make the kind that was chosen; every option it needs must be given, no other's.

        Parameters
        ----------
        given : dict
            Values of the options.
        **others
            Of its fields that are not options of their own.
        """
        name = check_choice(flag_of(self.what), given[self.what], self.kinds)
        taken = {_RENAMED.get(field.name, field.name): field for field in _fields(self.kinds[name])}
        values = {n: given[n] for n in self._names() if given[n] not in {None, False}}
        for missing, field in taken.items():
            if missing not in values and field.default is MISSING:
                raise typer.BadParameter(
                    f"{name} needs {flag_of(missing)}.", param_hint=flag_of(self.what)
                )
        for other in values.keys() - taken.keys():
            raise typer.BadParameter(
                f"the {self.what} {name} does not take it; leave it out or choose another "
                f"{flag_of(self.what)}.",
                param_hint=flag_of(other),
            )
        arguments = {taken[n].name: value for n, value in values.items()}
        fields = {field.name for field in dataclasses.fields(self.kinds[name])}
        arguments |= {n: value for n, value in others.items() if n in fields}
        hints = [flag_of("learning_rate")] if others else []
        with bad_usage_of(", ".join([*hints, *map(flag_of, taken)]) or flag_of(self.what)):
            return self.kinds[name](**arguments)

    def _names(self) -> list[str]:
        return [parameter.name for parameter in self.parameters()[1:]]


def _fields(kind: type[Any]) -> list[Field[Any]]:
    """Return the fields of a class that are options of their own."""
    fields = dataclasses.fields(kind)
    return [field for field in fields if field.init and field.name not in _FROM_OTHERS]


_LOSS = _Kinds("loss", "Loss", "What to minimize", next(iter(LOSSES)), LOSSES)
_RULE = _Kinds("optimizer", "Update rule", "Update rule", "adam", OPTIMIZERS)
_SCHEDULE = _Kinds(
    "schedule",
    "Learning rate",
    "How it falls",
    "constant",
    # The others are made of schedules.
    {n: kind for n, kind in SCHEDULES.items() if _RATES & {*inspect.signature(kind).parameters}},
)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Decorate a command that has `settings`: it gets an option for each, checked.

    The options come in the place of the parameter.
    """
    own = inspect.signature(command)
    hints = typing.get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.parameters.items():
        made = [parameter.replace(annotation=hints[name])]
        parameters += _parameters() if name == "settings" else made

    @functools.wraps(command)
    def run(**given: Any) -> None:
        chosen = {parameter.name: given.pop(parameter.name) for parameter in _parameters()}
        command(**given, settings=_settings(chosen))

    run.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


@functools.cache
def _parameters() -> list[inspect.Parameter]:
    return [
        *_LOSS.parameters(),
        *(_of_setting(field) for field in _settings_fields()),
        *_RULE.parameters(),
        _parameter("learning_rate", float, 1e-3, _told("learning_rate"), _SCHEDULE.panel),
        *_SCHEDULE.parameters(),
        _parameter(
            "warmup",
            int | None,
            None,
            "Epochs of a straight line up to the learning rate, before it falls.",
            _SCHEDULE.panel,
        ),
        _of_setting(TrainingSettings.__dataclass_fields__["schedule_unit"], _SCHEDULE.panel),
    ]


def _settings_fields() -> list[Field[Any]]:
    """Return the settings that are an option each."""
    elsewhere = {"loss", "optimizer", "learning_rate", "schedule_unit"}
    return [f for f in dataclasses.fields(TrainingSettings) if f.name not in elsewhere]


def _of_setting(field: Field[Any], panel: str = "Training") -> inspect.Parameter:
    name, told = field.name, field.metadata["told"][:-1]
    kind: Any
    kind, default, metavar = float, field.default, "NUMBER"
    match field.metadata["check"]:
        case Choice(names):
            kind, metavar = str, "NAME"
            told = f"{told}: {', '.join(names)}"
        case Flag():
            kind = bool
        case Whole(optional=True):
            kind, default, metavar = str, str(default), "NUMBER|full"
            told = f"{told}; full: all, one step per epoch"
        case Whole():
            kind = int
        case Real(optional=True):
            kind = float | None
        case Table():
            kind, metavar = str | None, "NAME=NUMBER,…"
        case Real():
            pass
        case _ if name == "metrics":
            kind, default, metavar = str | None, None, "NAMES"
            told = f"{told}, separated by commas: {', '.join(METRICS)}"
        case _:
            assert name == "shuffle", name  # noqa: S101
            name, kind, default, told = "no_shuffle", bool, False, "Keep the order of the samples"
    return _parameter(name, kind, default, f"{told}.", panel, metavar)


def _settings(given: dict[str, Any]) -> TrainingSettings:
    """Make settings of the options' values.

    Raises
    ------
    typer.BadParameter
        If one is refused, naming its option.
    """
    settings: dict[str, Any] = {}
    for field in [*_settings_fields(), TrainingSettings.__dataclass_fields__["schedule_unit"]]:
        name = field.name
        if name == "shuffle":
            settings[name] = not given["no_shuffle"]
            continue
        value = given[name]
        if name == "metrics":
            value = [] if value is None else value.split(",")
        elif isinstance(field.metadata["check"], Whole) and isinstance(value, str):
            value = whole_number_or("full", flag_of(name), value)
        elif isinstance(field.metadata["check"], Table) and value is not None:
            value = table(flag_of(name), value)
        with bad_usage_of(flag_of(name)):
            settings[name] = check_of(TrainingSettings, name)(name, value)
    if settings["epochs"] == 0:
        raise typer.BadParameter("nothing would be trained; give 1 or more.", param_hint="--epochs")
    return TrainingSettings(
        loss=_LOSS.made(given),
        optimizer=_RULE.made(given),
        learning_rate=_schedule(given, settings["epochs"]),
        **settings,
    )


def _schedule(given: dict[str, Any], epochs: int) -> Any:
    rate = given["learning_rate"]
    if given["schedule"].startswith("{"):
        with bad_usage_of("--schedule"):
            schedule = from_plain(json.loads(given["schedule"]), SCHEDULES)
    else:
        schedule = _SCHEDULE.made(given, value=rate, initial=rate, epochs=epochs)
    if given["warmup"] is None:
        return schedule
    with bad_usage_of("--warmup"):
        return warmup(given["warmup"], schedule)


def _told(name: str) -> str:
    return str(TrainingSettings.__dataclass_fields__[name].metadata["told"])


def _parameter(
    name: str, kind: Any, default: Any, told: str, panel: str, metavar: str = "NUMBER"
) -> inspect.Parameter:
    declared = [] if kind is not bool else [flag_of(name)]
    shown = None if kind is bool else metavar
    option = typer.Option(*declared, metavar=shown, help=told, rich_help_panel=panel)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
    )
