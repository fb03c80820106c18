"""The fuzz targets on their seeds, and on mutations of them, without a fuzzer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fuzz_targets import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

SEEDS = [(name, i) for name, target in TARGETS.items() for i in range(len(target.seeds))]


@pytest.mark.parametrize(("name", "number"), SEEDS)
def test_seed(name: str, number: int, tmp_path: Path) -> None:
    TARGETS[name].run(TARGETS[name].seeds[number], tmp_path)


@st.composite
def mutated(draw: st.DrawFn, name: str) -> bytes:
    data = bytearray(draw(st.sampled_from(TARGETS[name].seeds)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        cut = draw(st.integers(0, 4))
        data[at : at + cut] = draw(st.binary(max_size=6))
    return bytes(data[: draw(st.none() | st.integers(0, len(data)))])


@pytest.mark.parametrize("name", TARGETS)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_mutated_seeds(name: str, tmp_path: Path, data: st.DataObject) -> None:
    TARGETS[name].run(data.draw(mutated(name)), tmp_path)
