"""Write tests/data/keras: models of Keras with random weights, samples, and what it predicts.

Needs Keras 3 and JAX, which the tests don't: KERAS_BACKEND=jax python record_keras_models.py
"""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

FOLDER = Path(__file__).parents[1] / "data" / "keras"


def functional() -> Any:
    given = keras.Input((4,), name="measurements")
    a = layers.Dense(6, name="first")(given)
    a = layers.LayerNormalization(name="second")(a)  # with Keras's own ε
    a = layers.Activation("silu", name="third")(a)
    outputs = layers.Dense(1, activation="sigmoid", name="fourth")(a)
    return keras.Model(given, outputs)


def folded() -> Any:
    """Make a model whose scales and shifts have no place of their own in a network."""
    standardizing = layers.Normalization()
    standardizing.adapt(np.random.default_rng(1).normal(3, 5, (50, 6)))
    return keras.Sequential(
        [
            keras.Input((2, 3)),
            layers.Rescaling(3.0, offset=-0.5),
            layers.Flatten(),
            standardizing,
            layers.Dense(5, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(4, activation=layers.LeakyReLU(negative_slope=0.01)),
            layers.BatchNormalization(center=False),
            layers.Dense(3, use_bias=False),
            layers.BatchNormalization(scale=False),
            layers.Softmax(),
        ]
    )


def deep() -> Any:
    names = ["linear", "sigmoid", "tanh", "elu", "selu", "gelu", "mish"]
    hidden = [layers.Dense(5, activation=name) for name in names]
    return keras.Sequential([keras.Input((3,)), *hidden, layers.Dense(2, activation="exponential")])


MODELS: dict[str, Callable[[], Any]] = {
    "batch": lambda: keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(5),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Dropout(0.25),
            layers.Dense(3, activation="softmax"),
        ]
    ),
    "functional": functional,
    "folded": folded,
    "deep": deep,
    "weights": lambda: keras.Sequential(
        [keras.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(2, use_bias=False)]
    ),
}


def pack(path: Path) -> None:
    """Compress what Keras only puts together."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def main() -> None:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    recorded = {}
    for seed, (name, make) in enumerate(MODELS.items()):
        rng = np.random.default_rng(seed + 20)
        keras.utils.set_random_seed(seed)
        model = make()
        for layer in model.layers:
            if layer.name.startswith("normalization"):
                continue
            weights = [rng.normal(0, 0.6, array.shape) for array in layer.get_weights()]
            if layer.name.startswith("batch_normalization"):
                # In one of them so small that ε matters.
                weights[-1] = np.abs(weights[-1]) * (0.01 if name == "batch" else 3.0)
            layer.set_weights(weights)
        X = rng.normal(0, 2, (7, *model.input_shape[1:])).astype(np.float32)
        outputs = model.predict(X, verbose=0)
        recorded[name] = {"X": X.reshape(7, -1).tolist(), "outputs": outputs.tolist()}
        model.save(FOLDER / f"{name}.keras")
        pack(FOLDER / f"{name}.keras")
        if name in {"batch", "functional"}:
            model.save(FOLDER / f"{name}.h5")
        if name == "weights":
            model.save_weights(FOLDER / f"{name}.weights.h5")
    (FOLDER / "recorded.json").write_text(json.dumps(recorded) + "\n")


if __name__ == "__main__":
    main()
