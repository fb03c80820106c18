"""What the options of `eigenmlp train` mean, by the library."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eigenmlp as em
from command_runs import N_CLASSES, N_FEATURES, Data, Run


def by_hand(
    data: Data,
    hidden: Sequence[int],
    *,
    validation: float = 0.1,
    seed: int = 0,
    init: str = "he_normal",
    dtype: str = "float32",
    input_scale: float = 1 / 255,
    architecture: dict[str, Any] | None = None,
    **training: Any,
) -> em.Network:
    """What the command is to do, by the library."""
    generator = np.random.default_rng(seed)
    fit = np.arange(len(data.X))
    if validation:
        fractions = (1 - validation, validation)
        fit, held_out = em.datasets.split(data.X, data.y, fractions, rng=generator)
        training["validation_data"] = data.X[held_out], data.y[held_out]
    sizes = [N_FEATURES, *hidden, N_CLASSES]
    network = em.Network(
        sizes,
        dtype=dtype,
        init=init,
        input_scale=input_scale,
        rng=generator,
        **(architecture or {}),
    )
    em.train(network, data.X[fit], data.y[fit], rng=generator, **training)
    return network


@pytest.mark.parametrize(
    ("options", "meaning"),
    [
        ("--epochs 2", {"hidden": [100], "epochs": 2}),
        ("--epochs 2 --hidden 7,5 --seed 4", {"hidden": [7, 5], "epochs": 2, "seed": 4}),
        (
            "--epochs 2 --hidden none --batch-size full --validation 0",
            {"hidden": [], "epochs": 2, "batch_size": None, "validation": 0},
        ),
        (
            (
                "--epochs 3 --hidden 4 --batch-size 8 --optimizer sgd --l2 0.5 --l2-biases "
                "--learning-rate 0.1 --validation 0.2 --threads 1"
            ),
            {
                "hidden": [4],
                "epochs": 3,
                "batch_size": 8,
                "optimizer": em.optimizers.SGD(),
                "l2": 0.5,
                "l2_biases": True,
                "learning_rate": 0.1,
                "validation": 0.2,
                "n_threads": 1,
            },
        ),
        (
            "--epochs 2 --hidden 4 --dtype float64 --init torch_linear --input-scale 1/100",
            {
                "hidden": [4],
                "epochs": 2,
                "dtype": "float64",
                "init": "torch_linear",
                "input_scale": 0.01,
            },
        ),
        (
            "--epochs 2 --hidden 4 --optimizer adamw",
            {"hidden": [4], "epochs": 2, "optimizer": em.optimizers.AdamW()},
        ),
        (
            "--epochs 3 --hidden 4 --schedule linear --final-rate 1e-4",
            {
                "hidden": [4],
                "epochs": 3,
                "learning_rate": em.schedules.linear(1e-3, final=1e-4, epochs=3),
            },
        ),
        (
            "--epochs 3 --hidden 4 --schedule cosine --final-rate 1e-4",
            {
                "hidden": [4],
                "epochs": 3,
                "learning_rate": em.schedules.cosine(1e-3, final=1e-4, epochs=3),
            },
        ),
        (
            "--epochs 3 --hidden 4 --schedule exponential --gamma 0.5",
            {
                "hidden": [4],
                "epochs": 3,
                "learning_rate": em.schedules.exponential(1e-3, gamma=0.5),
            },
        ),
        (
            "--epochs 3 --hidden 4 --schedule step --gamma 0.5 --every 2",
            {
                "hidden": [4],
                "epochs": 3,
                "learning_rate": em.schedules.step(1e-3, gamma=0.5, every=2),
            },
        ),
        (
            "--epochs 3 --hidden 4 --learning-rate 0.1 --warmup 2 --schedule-unit step",
            {
                "hidden": [4],
                "epochs": 3,
                "learning_rate": em.schedules.warmup(2, em.schedules.constant(0.1)),
                "schedule_unit": "step",
            },
        ),
        (
            (
                '--epochs 3 --hidden 4 --schedule {"kind":"join","boundaries":[1],"schedules":['
                '{"kind":"constant","value":0.1},{"kind":"exponential","initial":0.1,"gamma":0.5}]}'
            ),
            {
                "hidden": [4],
                "epochs": 3,
                "learning_rate": em.schedules.join(
                    [em.schedules.constant(0.1), em.schedules.exponential(0.1, gamma=0.5)], [1]
                ),
            },
        ),
        (
            (
                "--epochs 2 --hidden 4 --optimizer sgd --momentum 0.9 --nesterov --clip-norm 0.01 "
                "--clip-value 0.005 --no-shuffle --label-smoothing 0.1 --l2 0.1 --l2-divided "
                "--rate-factors biases=0.1,0=1/2"
            ),
            {
                "hidden": [4],
                "epochs": 2,
                "optimizer": em.optimizers.SGD(0.9, nesterov=True),
                "clip_norm": 0.01,
                "clip_value": 0.005,
                "rate_factors": {"biases": 0.1, 0: 0.5},
                "shuffle": False,
                "loss": em.losses.CrossEntropy(0.1),
                "l2": 0.1,
                "l2_divided": True,
            },
        ),
        (
            "--epochs 2 --hidden 4 --optimizer adamw --beta1 0.5 --weight-decay 0.5 --amsgrad",
            {
                "hidden": [4],
                "epochs": 2,
                "optimizer": em.optimizers.AdamW(0.5, weight_decay=0.5, amsgrad=True),
            },
        ),
        (
            (
                "--epochs 2 --hidden 4,3 --activation gelu,tanh --normalization none,batch "
                "--dropout 0.3"
            ),
            {
                "hidden": [4, 3],
                "epochs": 2,
                "architecture": {
                    "activation": ["gelu", "tanh"],
                    "normalization": [None, "batch"],
                    "dropout": 0.3,
                },
            },
        ),
        (
            "--epochs 40 --hidden 4 --learning-rate 0.01 --patience 2 --min-delta 9",
            {
                "hidden": [4],
                "epochs": 40,
                "learning_rate": 0.01,
                "callbacks": [
                    em.callbacks.EarlyStopping(patience=2, min_delta=9.0, restore_best=True)
                ],
            },
        ),
    ],
)
def test_train_does_what_the_library_does(
    run: Run, data: Data, options: str, meaning: dict[str, Any]
) -> None:
    done = run("train", "x.npy", "--labels", "y.npy", *options.split())
    assert done.code == 0, done.err
    expected = by_hand(data, **meaning)
    found = em.load_network("model.safetensors")
    assert found.layer_sizes == expected.layer_sizes
    assert found.dtype == expected.dtype
    assert found.input_scale == expected.input_scale
    np.testing.assert_array_equal(
        found.get_flat_parameters(), expected.get_flat_parameters(), strict=True
    )


@pytest.mark.parametrize("loss", [kind for kind in em.losses.LOSSES if "entropy" not in kind])
def test_a_loss_of_numbers_asks_for_numbers(run: Run, data: Data, loss: str) -> None:
    numbers = data.X[:, :2] / 100
    np.save("numbers.npy", numbers)
    # The command's own chance: an order of the samples, and then the weights.
    train = ("train", "x.npy", "-l", "numbers.npy", "--epochs", 2, "--hidden", 3, "--seed", 5)
    done = run(*train, "--loss", loss, "--metrics", "r2", "--history", "h.csv")
    assert done.code == 0, done.err
    found = em.load_network("model.safetensors")
    rng = np.random.default_rng(5)
    fit, held_out = em.datasets.split(data.X, data.y, (0.9, 0.1), rng=rng)
    output = em.losses.LOSSES[loss].output
    expected = em.Network([N_FEATURES, 3, 2], output=output, input_scale=1 / 255, rng=rng)
    history = em.train(
        expected,
        data.X[fit],
        numbers[fit],
        loss=loss,
        epochs=2,
        validation_data=(data.X[held_out], numbers[held_out]),
        metrics=["r2"],
        rng=rng,
    )
    assert np.array_equal(found.get_flat_parameters(), expected.get_flat_parameters())
    table = done.out[done.out.index("R²") :].split()
    assert table[5:7] == [f"{history['val_loss'][-1]:.4f}", f"{history['val_r2'][-1]:.4f}"]
    assert "val_r2" in Path("h.csv").read_text(encoding="utf-8")


def test_two_classes_can_be_one_probability(run: Run, data: Data) -> None:
    np.save("two.npy", data.y % 2)
    train = ("train", "x.npy", "-l", "two.npy", "--epochs", 2, "--loss", "binary_cross_entropy")
    done = run(*train)
    assert done.code == 0, done.err
    network = em.load_network("model.safetensors")
    assert (network.output, network.layer_sizes[-1]) == ("logistic", 1)
    done = run(*train[:2], "-l", "y.npy", *train[4:], "--force")
    assert done.code == 1
    assert "y.npy holds 2 in row" in done.err
