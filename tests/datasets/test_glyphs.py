"""The drawn data set: repeatable, balanced, varied, and about as hard as it should be."""

import hashlib
import itertools
import subprocess
import sys

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from eigenmlp.datasets import Dataset, glyphs, load_glyphs
from eigenmlp.datasets.brush import POINTS, SIDE, paint, trace
from eigenmlp.datasets.glyph_strokes import STROKES

Floats = npt.NDArray[np.float32]

VARIATIONS = ["_SHIFT", "_ROTATION", "_SLANT", "_STRETCH", "_BEND", "_BRUSH_SPREAD", "_NOISE"]


@pytest.fixture(scope="module")
def default() -> Dataset:
    return load_glyphs()


def draw(form: str) -> Floats:
    """Draw a form as it is written down, with no variation."""
    path = trace(form)
    points = 13.5 + 11 * path.points[None]
    widths = np.full((1, POINTS), 0.9)
    spacing = np.array([path.length * 11 / POINTS])
    ink = paint(*(a.astype(np.float32) for a in (points, widths, spacing)))
    return np.asarray(ink[0])


def likeness(a: Floats, b: Floats) -> Floats:
    """Cosine of every image of `a` with every one of `b`, at the shift that makes it largest."""
    shifts = itertools.product(range(-3, 4), repeat=2)
    shifted = np.stack([np.roll(a, shift, axis=(1, 2)) for shift in shifts]).reshape(49, len(a), -1)
    flat = b.reshape(len(b), -1)
    norms = np.linalg.norm(shifted[0], axis=1)[:, None] * np.linalg.norm(flat, axis=1)
    return np.asarray((shifted @ flat.T).max(axis=0) / norms)


def test_the_default(default: Dataset) -> None:
    assert default.X.shape == (5000, 784)
    assert default.X.dtype == np.uint8
    assert default.y.shape == (5000,)
    assert default.y.dtype == np.int64
    assert default.image_shape == (28, 28)
    assert len(set(default.class_names)) == 49
    assert default.class_names[0] == "あ"
    assert default.class_names[-1] == "ゝ"


def test_classes_are_balanced(default: Dataset) -> None:
    counts = np.bincount(default.y, minlength=49)
    assert len(counts) == 49
    assert counts.min() >= 65
    assert counts.max() <= 135


def test_rare_kana_are_rarer() -> None:
    data = load_glyphs(n_samples=10_000, rng=1)
    share = np.bincount(data.y, minlength=49) / (10_000 / 49)
    rare = [data.class_names.index(name) for name in "ゐゑゝ"]
    assert share[rare].mean() == pytest.approx(0.8, abs=0.1)
    assert np.delete(share, rare).mean() == pytest.approx(1.01, abs=0.01)


def test_white_on_black(default: Dataset) -> None:
    assert default.X.max() == 255
    assert (default.X.max(axis=1) > 150).all()
    white = (default.X > 128).mean(axis=1)
    assert white.min() > 0.01
    assert white.max() < 0.5
    edge = default.X.reshape(-1, 28, 28)[:, [0, -1], :]
    assert edge.mean() < 15


def test_same_seed_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from eigenmlp.datasets import load_glyphs; d = load_glyphs(700, 49, 5);"
        "print(hashlib.sha256(d.X.tobytes() + d.y.tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = load_glyphs(700, 49, 5)
    assert there.stdout.strip() == hashlib.sha256(here.X.tobytes() + here.y.tobytes()).hexdigest()


def test_seed_and_generator() -> None:
    seeded = load_glyphs(300, rng=3)
    generator = np.random.default_rng(3)
    first, second = (load_glyphs(300, rng=generator) for _ in range(2))
    assert np.array_equal(first.X, seeded.X)
    assert np.array_equal(first.y, seeded.y)
    assert not np.array_equal(second.y, seeded.y)
    assert not np.array_equal(load_glyphs(300, rng=4).y, seeded.y)


@settings(deadline=None, max_examples=25)
@given(n_samples=st.integers(1, 600), n_classes=st.integers(1, 49), seed=st.integers(0, 2**64))
def test_any_size(n_samples: int, n_classes: int, seed: int) -> None:
    data = load_glyphs(n_samples, n_classes, seed)
    assert data.X.shape == (n_samples, 784)
    assert data.y.shape == (n_samples,)
    assert data.class_names == tuple(STROKES)[:n_classes]
    assert data.y.min() >= 0
    assert data.y.max() < n_classes
    assert len(np.unique(data.X, axis=0)) == n_samples
    assert (data.X.max(axis=1) > 100).all()


def test_forms_look_different() -> None:
    assert {len(forms) for forms in STROKES.values()} == {2, 3}
    kana = np.repeat(list(STROKES), [len(forms) for forms in STROKES.values()])
    drawn = np.stack([draw(form) for forms in STROKES.values() for form in forms])
    alike = likeness(drawn, drawn) - np.eye(len(drawn))
    closest = [f"{kana[i]} {kana[j]}" for i, j in np.argwhere(alike > 0.91)]
    assert closest == []


def test_all_forms_are_drawn() -> None:
    # The form most like each of 300 images of one class.
    data = load_glyphs(300, n_classes=1)
    forms = np.stack([draw(form) for form in STROKES["あ"]])
    nearest = likeness(data.X.reshape(-1, 28, 28).astype(np.float32), forms).argmax(axis=1)
    assert np.bincount(nearest, minlength=3) / 300 == pytest.approx([0.45, 0.35, 0.20], abs=0.1)


@pytest.mark.parametrize("variation", VARIATIONS)
def test_each_variation_makes_images_differ(
    variation: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    amount = getattr(glyphs, variation)
    for name in VARIATIONS:
        monkeypatch.setattr(glyphs, name, 0.0)
    plain = load_glyphs(60, n_classes=1)
    assert len(np.unique(plain.X, axis=0)) == len(STROKES["あ"])
    monkeypatch.setattr(glyphs, variation, amount)
    assert len(np.unique(load_glyphs(60, n_classes=1).X, axis=0)) >= 50


def test_haste_tells_hands_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    some_hastier = load_glyphs(60)
    monkeypatch.setattr(glyphs, "_HASTE", 0.0)
    all_alike = load_glyphs(60)
    assert np.array_equal(some_hastier.y, all_alike.y)
    assert (some_hastier.X != all_alike.X).any(axis=1).all()


def test_hard_but_learnable(default: Dataset) -> None:
    classifier = KNeighborsClassifier(n_neighbors=1).fit(default.X[:4000] / 255, default.y[:4000])
    accuracy = classifier.score(default.X[4000:] / 255, default.y[4000:])
    assert 0.5 < accuracy < 0.8


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_samples": 0}, ValueError, r"n_samples=0 is less than 1; ask for 1 image or more"),
        ({"n_samples": 10.0}, TypeError, r"n_samples=10\.0 is not an integer; ask for 1 image"),
        ({"n_samples": True}, TypeError, r"n_samples=True is not an integer"),
        ({"n_classes": 0}, ValueError, r"n_classes=0 is less than 1; .* ask for 1 to 49 of them"),
        ({"n_classes": 50}, ValueError, r"n_classes=50 is more than there are; there are 49 kana"),
        ({"n_classes": "49"}, TypeError, r"n_classes='49' is not an integer; there are 49 kana"),
        ({"rng": -1}, ValueError, r"rng=-1 is less than 0; give a seed, 0 or more, or a numpy"),
        ({"rng": None}, TypeError, r"rng=None is not an integer; give a seed, 0 or more, or a"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_glyphs(**arguments)  # type: ignore[arg-type]


def test_trace_goes_through_its_points_evenly() -> None:
    path = trace("0000 4080 9900* 9999")
    knots = np.array([[0, 0], [40, 80], [99, 0], [99, 99]]) / 49.5 - 1
    steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    spacing = path.length / POINTS
    nearest = np.linalg.norm(path.points[:, None] - knots, axis=2).min(axis=0)
    assert (nearest <= 0.51 * spacing).all()
    # Steps are chords: shorter than the arc only where the stroke turns.
    assert np.median(steps) == pytest.approx(spacing, rel=1e-3)
    assert steps.max() < 1.001 * spacing
    # After the corner the stroke runs straight down.
    assert path.points[-20:, 0] == pytest.approx(1.0, abs=1e-12)


def test_trace_lifts_the_brush_between_strokes() -> None:
    path = trace("0000 9900 / 0099 9999")
    steps = np.linalg.norm(np.diff(path.points, axis=0), axis=1)
    assert path.length == pytest.approx(4.0)
    assert (steps > 0.1).sum() == 1
    assert set(np.round(path.points[:, 1], 9)) == {-1.0, 1.0}


def test_brush_presses_downwards_and_lifts_off() -> None:
    down, up = trace("5000 5099").widths, trace("5099 5000").widths
    assert (down > up).all()
    assert down[-1] < 0.6 * down[POINTS // 2]


@pytest.mark.parametrize("sigma", [0.7, 1.0, 1.8])
def test_paint_draws_a_line_with_gaussian_edges(sigma: float) -> None:
    x = np.linspace(-20, 48, POINTS)  # beyond both edges, so that no end is seen
    points = np.stack([x, np.full(POINTS, 11.3)], axis=1)[None]
    spacing = np.array([68 / (POINTS - 1)])
    widths = np.full((1, POINTS), sigma)
    ink = paint(*(a.astype(np.float32) for a in (points, widths, spacing)))
    profile = np.exp(-((np.arange(SIDE) - 11.3) ** 2) / (2 * sigma**2))
    expected = np.clip((profile - 0.2) / 0.55, 0, 1)
    assert ink.shape == (1, SIDE, SIDE)
    assert ink[0] == pytest.approx(np.repeat(expected[:, None], SIDE, axis=1), abs=1e-4)


def test_paint_has_x_to_the_right_and_y_downwards() -> None:
    points = np.tile(np.array([20, 5], dtype=np.float32), (1, POINTS, 1))
    widths = np.ones((1, POINTS), dtype=np.float32)
    ink = paint(points, widths, np.full(1, 0.01, dtype=np.float32))
    assert np.unravel_index(ink[0].argmax(), (SIDE, SIDE)) == (5, 20)
