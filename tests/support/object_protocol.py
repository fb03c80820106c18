"""Does to one name of a compiled module whatever Python's object protocol allows.

Run by test_object_protocol.py, in a process of its own: python object_protocol.py MODULE NAME. What
fails by an exception fails well; the process must not.
"""

from __future__ import annotations

import copy
import copyreg
import enum
import gc
import importlib
import pickle
import sys
import weakref
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import eigenmlp as em
from eigenmlp.common.threads import threads as choose_threads
from eigenmlp.losses import CrossEntropy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Attempt = tuple[str, Callable[[], object]]

# What was not refused.
FOUND: list[str] = []
PROTOCOLS = range(6)
# Of functions that take any.
ARGUMENTS = {"largest_weight": (True,)}
NETWORKS = [em.Network([3, 4, 2], rng=0, dtype=dtype) for dtype in ("float32", "float64")]


def objects() -> dict[str, object]:
    """One object of each class, by the class's name."""
    core, net = em._native._core, NETWORKS[0]
    X, y = np.eye(3), np.array([0, 1, 0])
    samples = net._check_samples(X, y, CrossEntropy(), None)
    penalty, clipping = core.Penalty(0.1, False, True), core.Clipping(np.inf, np.inf)
    loss, threads = CrossEntropy()._core_loss(), choose_threads(1)
    settings = core.EpochSettings(2, [0.1], loss, penalty, clipping, True)
    adams = [em.optimizers.Adam(), em.optimizers.Adam()]
    states: list[Any] = [adam.state_for(net) for adam, net in zip(adams, NETWORKS, strict=True)]
    others = [em.optimizers.AdamW(), em.optimizers.SGD(), em.optimizers.SGD(momentum=0.5)]
    rules = [rule._core_rule() for rule in (adams[0], *others)]
    made: list[object] = [
        *(net._core for net in NETWORKS), *states, net._core.claim(), net._core.layers()[0],
        net._core.train_epoch(states[0], samples, None, settings, threads),
        net._architecture.to_core(), *rules, samples, loss, penalty, clipping, settings, threads,
        core.HiddenLayer("relu", core.Normalization.none, 0.0),
    ]  # fmt: skip
    enums = [v for v in vars(core).values() if isinstance(v, enum.EnumMeta)]
    return {type(each).__name__: each for each in [*made, *(next(iter(e)) for e in enums)]}


def tried(action: Callable[..., object], *arguments: object) -> Any:
    try:
        return action(*arguments)
    except Exception:  # noqa: BLE001 that is what is asked for
        return None


def use(thing: Any) -> None:
    """Ask for all it has, and call it."""
    for name in dir(thing):
        attribute = tried(getattr, thing, name)
        if callable(attribute):
            for arguments in ((), (thing,), (None,), (0,), (None, None), (thing, thing)):
                tried(attribute, *arguments)
    for action in (repr, str, hash, len, iter, bool, list, sys.getsizeof, dir, vars):
        tried(action, thing)


def must_refuse(what: str, action: Callable[..., object], *arguments: object) -> None:
    try:
        result = action(*arguments)
    except TypeError:
        return
    FOUND.append(f"{what} gave {type(result)}")


def attributes(thing: object) -> dict[str, object]:
    names = [name for name, v in vars(type(thing)).items() if isinstance(v, property)]
    return {name: getattr(thing, name) for name in names}


def pickled(thing: object, protocol: int) -> object:
    return pickle.loads(pickle.dumps(thing, protocol))  # noqa: S301 our own


def pickles(thing: Any) -> Iterator[Attempt]:
    for protocol in PROTOCOLS:
        yield f"pickle {protocol}", partial(pickled, thing, protocol)
        yield f"__reduce_ex__ {protocol}", partial(thing.__reduce_ex__, protocol)
        yield f"object's {protocol}", partial(object.__reduce_ex__, thing, protocol)
    yield "copy", partial(copy.copy, thing)
    yield "deepcopy", partial(copy.deepcopy, [thing])


def half_made(cls: Any) -> Iterator[Attempt]:
    """Ways to an object that nobody has constructed."""
    reconstruct: Any = copyreg
    for base in cls.__mro__:
        yield f"{base}.__new__", partial(base.__new__, cls)
        yield f"_reconstructor {base}", partial(reconstruct._reconstructor, cls, base, None)
    yield "__newobj__", partial(reconstruct.__newobj__, cls)
    yield "__newobj_ex__", partial(reconstruct.__newobj_ex__, cls, (), {})
    yield "a call with what is wrong", partial(cls, *[object()] * 3)


def subclasses(cls: Any) -> Iterator[Attempt]:
    def silent(*_: object) -> None: ...
    def new(sub: Any, *_: object) -> object:
        return cls.__mro__[-2].__new__(sub)

    def made(meta: Any, bases: tuple[Any, ...], members: dict[str, Any]) -> object:
        return meta("Sub", bases, dict(members))()

    for meta in (type, type(cls)):
        for members in ({}, {"__init__": silent}, {"__slots__": ("a",)}, {"__new__": new}):
            for bases in ((cls,), (list, cls), (cls, type("Other", (), {}))):
                yield f"{members} of {bases}", partial(made, meta, bases, members)


def foreign_calls(cls: Any, others: list[Any]) -> None:
    """All members of the class, called for what isn't of it."""
    for member in vars(cls).values():
        for other in [None, 5, object(), cls, *others]:
            for part in ("__get__", "__set__", "__call__", "fget"):
                method = tried(getattr, member, part)
                for arguments in ((other,), (other, None), (other, type(other)), (other, other)):
                    bound = tried(method, *arguments) if callable(method) else None
                    if callable(bound):
                        tried(bound)


def attack_class(cls: Any, thing: Any, others: list[Any]) -> None:
    before = attributes(thing)
    for what, action in [*pickles(thing), *half_made(cls), *subclasses(cls)]:
        must_refuse(what, action)
    for arguments in ((), (thing,), (None,), tuple(others)):
        must_refuse("__init__ once more", thing.__init__, *arguments)
    for other in others:
        if type(other) is not cls:
            must_refuse("__class__", setattr, thing, "__class__", type(other))
            # Members of an enumeration may be of any class of Python's own kind.
            must_refuse("__class__", setattr, other, "__class__", cls)
    must_refuse("a member set", setattr, cls, "__init__", None)
    must_refuse("a member deleted", delattr, cls, "__reduce_ex__")
    for base in cls.__mro__[1:-1]:
        must_refuse(f"{base}()", base)
        must_refuse(f"a class of {base}", type(cls)("Bare", (base,), {}))
        use(base)
    tried(type(cls), "Empty", (), {})
    foreign_calls(cls, others)
    use(thing)
    use(cls)
    if attributes(thing) != before:
        FOUND.append("its attributes have changed")
    if weakref.ref(thing)() is not thing:
        FOUND.append("no weak reference")


def attack_enum(cls: Any, others: list[Any]) -> None:
    core: Any = em._native._core
    for member in cls:
        for what, action in pickles(member):
            result = tried(action)
            if isinstance(result, cls) and result is not member:
                FOUND.append(f"{what}: {member} came back as another")
    for _, action in [*half_made(cls), *subclasses(cls)]:
        result = tried(action)
        use(result)
        tried(core.HiddenLayer, result, result, 0.0)
        tried(core.Loss, result, 0.0)
    foreign_calls(cls, others)
    use(next(iter(cls)))
    use(cls)


def attack_function(function: Any) -> None:
    use(function)
    # pybind11's record of it.
    record = function.__self__
    kind = type(record)
    for thing in (function, record):
        for _, action in pickles(thing):
            tried(action)
    for _, action in [*half_made(kind), *subclasses(kind)]:
        tried(action)
    must_refuse("a record", kind)
    must_refuse("__class__", setattr, record, "__class__", object)
    foreign_calls(kind, [function, 5])
    use(record)
    use(kind)
    function(*ARGUMENTS.get(function.__name__, ()))


def main(module_name: str, name: str) -> None:
    module = importlib.import_module(module_name)
    value: Any = getattr(module, name)
    things = objects()
    others = list(things.values())
    if isinstance(value, enum.EnumMeta):
        attack_enum(value, others)
    elif isinstance(value, type):
        attack_class(value, things[name], others)
    elif callable(value):
        attack_function(value)
    else:
        use(value)
    del others, things
    gc.collect()
    # What the attacks have left works.
    NETWORKS[0].predict(np.eye(3), n_threads=1)
    sys.exit("\n".join(FOUND) or None)


if __name__ == "__main__":
    main(*sys.argv[1:])
