"""Schedules against formulas written another way, and against recorded PyTorch schedulers."""

import math
import pickle
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eigenmlp.schedules import (
    Schedule,
    as_schedule,
    constant,
    cosine,
    coslog,
    exponential,
    join,
    linear,
    rate_at,
    step,
    warmup,
)

rates = st.floats(0, 10)
gammas = st.floats(0.01, 1)
lengths = st.integers(1, 2000)
epochs = st.integers(0, 3000)

EXAMPLES: list[Schedule] = [
    constant(1),
    linear(0.1, final=1e-4, epochs=7),
    exponential(1e-3, gamma=0.98),
    step(0.1, gamma=0.5, every=3),
    cosine(0.1, final=1e-4, epochs=6),
    coslog(0.1, epochs=9),
    warmup(4, exponential(0.1, gamma=0.9)),
    join([constant(0.1), cosine(0.1, final=0, epochs=4), exponential(0.1, gamma=0.5)], [2, 6]),
]
each_example = pytest.mark.parametrize("schedule", EXAMPLES, ids=lambda s: type(s).__name__)


def approx(value: float) -> Any:
    return pytest.approx(value, rel=1e-12, abs=1e-300)


# --- formulas ---------------------------------------------------------------------------------


@given(value=rates, epoch=epochs)
def test_constant_never_changes(value: float, epoch: int) -> None:
    assert constant(value)(epoch) == value


@given(pair=st.tuples(rates, rates), length=lengths, epoch=epochs)
def test_linear_is_the_line_to_zero_cut_off(
    pair: tuple[float, float], length: int, epoch: int
) -> None:
    final, initial = sorted(pair)
    line = Fraction(initial) * (length - epoch) / length
    expected = float(max(Fraction(final), line))
    assert linear(initial, final, length)(epoch) == pytest.approx(expected, rel=1e-11, abs=1e-13)


def test_linear_of_the_report() -> None:
    schedule = linear(0.1, final=1e-4, epochs=1500)
    assert schedule(0) == 0.1
    assert schedule(750) == approx(0.05)
    assert schedule(1498) == approx(0.1 * 2 / 1500)
    assert schedule(1499) == 1e-4  # the line is at 0.67e-4 here
    assert schedule(9999) == 1e-4


@given(initial=rates, gamma=gammas, epoch=st.integers(0, 300))
def test_exponential_is_repeated_multiplication(initial: float, gamma: float, epoch: int) -> None:
    expected = initial
    for _ in range(epoch):
        expected *= gamma
    assert exponential(initial, gamma)(epoch) == pytest.approx(expected, rel=1e-11, abs=1e-300)


@given(initial=rates, gamma=gammas, every=st.integers(1, 50), epoch=st.integers(0, 300))
def test_step_drops_whenever_its_time_has_come(
    initial: float, gamma: float, every: int, epoch: int
) -> None:
    expected = initial
    for t in range(1, epoch + 1):
        expected *= gamma if t % every == 0 else 1
    assert step(initial, gamma, every)(epoch) == pytest.approx(expected, rel=1e-11, abs=1e-300)


@given(pair=st.tuples(rates, rates), length=lengths, epoch=epochs)
def test_cosine_by_the_half_angle_formula(
    pair: tuple[float, float], length: int, epoch: int
) -> None:
    final, initial = sorted(pair)
    half_angle = np.pi / 2 * min(epoch / length, 1)
    expected = initial * np.cos(half_angle) ** 2 + final * np.sin(half_angle) ** 2
    assert cosine(initial, final, length)(epoch) == pytest.approx(expected, rel=1e-12, abs=1e-14)


@given(pair=st.tuples(rates, rates), length=lengths, later=epochs)
@example(pair=(0.001, 0.01), length=10, later=0)  # 0.001 + (0.01 - 0.001) is not 0.01
def test_cosine_meets_both_ends_exactly(pair: tuple[float, float], length: int, later: int) -> None:
    final, initial = sorted(pair)
    schedule = cosine(initial, final, length)
    assert schedule(0) == initial
    assert schedule(length + later) == final


@given(peak=rates, length=lengths, epoch=epochs, cycles=st.integers(1, 6))
def test_coslog_by_the_half_angle_formula(
    peak: float, length: int, epoch: int, cycles: int
) -> None:
    waves = np.log1p((2**cycles - 1) * min(epoch / length, 1)) / np.log(2)
    expected = peak * np.sin(np.pi * waves) ** 2
    assert coslog(peak, length, cycles)(epoch) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(length=st.integers(1, 50), value=st.floats(1e-6, 10), epoch=st.integers(0, 100))
def test_warmup_rises_by_equal_steps_to_the_full_rate(
    length: int, value: float, epoch: int
) -> None:
    expected = value * min(epoch + 1, length + 1) / (length + 1)
    assert warmup(length, constant(value))(epoch) == approx(expected)


@given(length=st.integers(1, 50), epoch=st.integers(0, 100))
def test_warmup_then_runs_the_schedule_from_its_own_start(length: int, epoch: int) -> None:
    schedule = exponential(0.1, gamma=0.9)
    assert warmup(length, schedule)(length + epoch) == schedule(epoch)


@given(
    boundaries=st.lists(st.integers(1, 60), unique=True, max_size=4).map(sorted),
    epoch=st.integers(0, 80),
)
def test_join_counts_each_part_from_its_own_start(boundaries: list[int], epoch: int) -> None:
    parts = [lambda t, i=i: 1000.0 * i + t for i in range(len(boundaries) + 1)]
    expected = []
    for i, (start, stop) in enumerate(zip([0, *boundaries], [*boundaries, 1000], strict=True)):
        expected += [1000.0 * i + t for t in range(stop - start)]
    assert join(parts, boundaries)(epoch) == expected[epoch]


# Recorded from torch.optim.lr_scheduler of PyTorch 2.13, float64, SGD with the initial rate;
# each line is one epoch's rate after the other.
PYTORCH: dict[str, tuple[Schedule, list[float]]] = {
    "PolynomialLR(5, power=1)": (
        linear(0.1, final=0, epochs=5),
        [0.1, 0.08000000000000002, 0.060000000000000005, 0.04000000000000001, 0.02, 0.0, 0.0],
    ),
    "ExponentialLR(0.98)": (
        exponential(1e-3, gamma=0.98),
        [0.001, 0.00098, 0.0009603999999999999, 0.0009411919999999999, 0.0009223681599999998],
    ),
    "StepLR(3, 0.5)": (
        step(0.1, gamma=0.5, every=3),
        [0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.025, 0.025],
    ),
    "CosineAnnealingLR(6, 1e-4)": (
        cosine(0.1, final=1e-4, epochs=6),
        [
            *(0.1, 0.09330796891903273, 0.07502500000000001, 0.050050000000000004),
            *(0.02507500000000001, 0.006792031080967287, 0.0001),
        ],
    ),
    "SequentialLR([LinearLR(1/5, total_iters=4), ExponentialLR(0.9)], [4])": (
        warmup(4, exponential(0.1, gamma=0.9)),
        [
            *(0.020000000000000004, 0.04000000000000001, 0.06000000000000001),
            *(0.08000000000000002, 0.1, 0.09000000000000001, 0.08100000000000002),
        ],
    ),
    "SequentialLR([ConstantLR(1), CosineAnnealingLR(4), ExponentialLR(0.5)], [2, 6])": (
        join([constant(0.1), cosine(0.1, final=0, epochs=4), exponential(0.1, gamma=0.5)], [2, 6]),
        [
            *(0.1, 0.1, 0.1, 0.08535533905932738, 0.05, 0.014644660940672627),
            *(0.1, 0.05, 0.025),
        ],
    ),
}


@pytest.mark.parametrize(("schedule", "recorded"), PYTORCH.values(), ids=PYTORCH)
def test_pytorch_computes_the_same(schedule: Schedule, recorded: list[float]) -> None:
    assert [schedule(epoch) for epoch in range(len(recorded))] == approx_list(recorded)


def approx_list(values: list[float]) -> Any:
    return pytest.approx(values, rel=1e-13)


# --- what all share ----------------------------------------------------------------------------


@each_example
def test_is_a_value(schedule: Schedule) -> None:
    copy = pickle.loads(pickle.dumps(schedule))  # noqa: S301
    assert copy == schedule
    assert hash(copy) == hash(schedule)
    assert eval(repr(schedule)) == schedule  # noqa: S307
    assert schedule != constant(0.25)
    with pytest.raises(AttributeError):
        schedule.initial = 1.0  # type: ignore[attr-defined]


@each_example
def test_is_pure(schedule: Schedule) -> None:
    forward = [schedule(epoch) for epoch in range(12)]
    backward = [schedule(np.int64(epoch)) for epoch in reversed(range(12))]  # type: ignore[arg-type]
    assert forward == backward[::-1]
    assert all(type(rate) is float for rate in forward)


@each_example
@pytest.mark.parametrize(
    ("epoch", "error", "message"),
    [
        (-1, ValueError, "epoch=-1 is less than 0"),
        (0.5, TypeError, "epoch=0.5 is not an integer"),
        (True, TypeError, "epoch=True is not an integer"),
    ],
)
def test_refuses_what_is_no_epoch(
    schedule: Schedule, epoch: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        schedule(epoch)


def test_joined_schedules_keep_their_own_lists() -> None:
    parts: list[Schedule] = [constant(1.0), constant(2.0)]
    boundaries = [3]
    schedule = join(parts, boundaries)
    parts[0] = constant(9.0)
    boundaries[0] = 1
    assert [schedule(epoch) for epoch in range(4)] == [1.0, 1.0, 1.0, 2.0]


# --- wrong arguments ---------------------------------------------------------------------------

WRONG_RATES = [
    (-0.1, ValueError, r"=-0\.1 is not a learning rate: it must be finite and >= 0"),
    (math.nan, ValueError, "=nan is not a learning rate"),
    (math.inf, ValueError, "=inf is not a learning rate"),
    ("0.1", TypeError, "='0.1' is not a number"),
    (True, TypeError, "=True is not a number"),
    (None, TypeError, "=None is not a number"),
    (1j, TypeError, "=1j is not a number"),
]


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("value", constant),
        ("initial", lambda rate: linear(rate, 0.0, 5)),
        ("final", lambda rate: linear(1.0, rate, 5)),
        ("initial", lambda rate: exponential(rate, 0.9)),
        ("initial", lambda rate: step(rate, 0.9, 5)),
        ("initial", lambda rate: cosine(rate, 0.0, 5)),
        ("final", lambda rate: cosine(1.0, rate, 5)),
    ],
)
@pytest.mark.parametrize(("rate", "error", "message"), WRONG_RATES)
def test_refuses_what_is_no_rate(
    name: str, make: Callable[[Any], Schedule], rate: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=name + message):
        make(rate)


@pytest.mark.parametrize("make", [linear, cosine])
def test_refuses_to_rise(make: Callable[[float, float, int], Schedule]) -> None:
    with pytest.raises(ValueError, match=r"final=0\.2 is larger than initial=0\.1.*swap them"):
        make(0.1, 0.2, 5)


@pytest.mark.parametrize(
    "make", [lambda gamma: exponential(1.0, gamma), lambda gamma: step(1.0, gamma, 5)]
)
@pytest.mark.parametrize(
    ("gamma", "error", "message"),
    [
        (0, ValueError, "gamma=0 is out of range: 0 < gamma <= 1"),
        (1.01, ValueError, r"gamma=1\.01 is out of range"),
        (math.nan, ValueError, "gamma=nan is out of range"),
        ("a", TypeError, "gamma='a' is not a number"),
    ],
)
def test_refuses_what_is_no_factor(
    make: Callable[[Any], Schedule], gamma: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        make(gamma)


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("epochs", lambda length: linear(1.0, 0.0, length)),
        ("epochs", lambda length: cosine(1.0, 0.0, length)),
        ("epochs", lambda length: warmup(length, constant(1.0))),
        ("every", lambda length: step(1.0, 0.5, length)),
        (r"boundaries\[0\]", lambda length: join([constant(1.0), constant(2.0)], [length])),
    ],
)
@pytest.mark.parametrize(
    ("length", "error", "message"),
    [
        (0, ValueError, "=0 is less than 1; pass whole epochs"),
        (2.0, TypeError, r"=2\.0 is not an integer"),
        (True, TypeError, "=True is not an integer"),
    ],
)
def test_refuses_what_is_no_number_of_epochs(
    name: str, make: Callable[[Any], Schedule], length: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=name + message):
        make(length)


@pytest.mark.parametrize("part", [0.1, None, constant])
def test_refuses_parts_that_are_no_schedule(part: Any) -> None:
    with pytest.raises(TypeError, match=r"schedule=.* is not a schedule; pass a function"):
        warmup(5, part)
    with pytest.raises(TypeError, match=r"schedules\[1\]=.* is not a schedule; pass a function"):
        join([constant(1.0), part], [5])


@pytest.mark.parametrize(
    ("n_schedules", "boundaries", "message"),
    [
        (0, [], "0 schedules with 0 boundaries do not fit"),
        (1, [4], "1 schedules with 1 boundaries do not fit; give at least one schedule"),
        (3, [4], "3 schedules with 1 boundaries do not fit"),
        (3, [4, 4], r"boundaries=\[4, 4\] do not rise"),
        (3, [5, 4], r"boundaries=\[5, 4\] do not rise"),
    ],
)
def test_join_refuses_boundaries_that_do_not_fit(
    n_schedules: int, boundaries: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        join([constant(1.0)] * n_schedules, boundaries)


# --- as_schedule and rate_at -------------------------------------------------------------------


@pytest.mark.parametrize("number", [0.25, 1, 0, np.float32(0.25), np.int64(2)])
def test_as_schedule_makes_a_constant_of_a_number(number: float) -> None:
    assert as_schedule(number) == constant(float(number))


def test_as_schedule_leaves_callables_alone() -> None:
    def own(epoch: int) -> float:
        return 1 / (1 + epoch)

    assert as_schedule(own) is own
    assert as_schedule(EXAMPLES[1]) is EXAMPLES[1]


@pytest.mark.parametrize(("rate", "error", "message"), WRONG_RATES)
def test_as_schedule_refuses_what_is_no_rate(
    rate: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match="learning_rate" + message):
        as_schedule(rate)


def test_as_schedule_refuses_a_schedule_without_its_arguments() -> None:
    with pytest.raises(TypeError, match=r"learning_rate=cosine is a class.*cosine\(\.\.\.\)"):
        as_schedule(cosine)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [0, 0.5, np.float32(0.5), np.float64(0.0), np.array(0.5)])
def test_rate_at_gives_floats(value: float) -> None:
    rate = rate_at(lambda _: value, 3)
    assert type(rate) is float
    assert rate == value


@pytest.mark.parametrize("value", [-1e-9, math.nan, math.inf, -math.inf])
def test_rate_at_names_epoch_and_value(value: float) -> None:
    def schedule(epoch: int) -> float:
        return value if epoch == 7 else 0.1

    assert rate_at(schedule, 6) == 0.1
    with pytest.raises(ValueError, match=f"returned {value} when called with 7, but"):
        rate_at(schedule, 7)


@pytest.mark.parametrize("value", [None, "0.1", True, 1j, constant(0.1)])
def test_rate_at_refuses_what_is_no_number(value: Any) -> None:
    with pytest.raises(TypeError, match=r"schedule returned .* when called with 2; it must return"):
        rate_at(lambda _: value, 2)
