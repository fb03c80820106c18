"""Kill a training process at random moments, resume it, and compare how it ends.

Every trial starts a process that trains with checkpoints, kills it with SIGKILL at a random moment,
reads all the checkpoints that it left, and starts it again, to the end. The SHA-256 of parameters
and history must be that of a run left alone. The time that the whole run takes is divided evenly
among the trials, and each draws its moment from its part: even few trials reach early and late
epochs.

    python tests/support/kill_and_resume.py --kills 200 --epochs 500

The tests do the same with fewer kills and epochs.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import eigenmlp as em
from eigenmlp.callbacks import Checkpoint, EarlyStopping
from eigenmlp.files import checkpoints

# A large network on few samples: about half of the time goes into checkpoints.
_SIZES = [784, 300, 100, 10]
_SAMPLES = 1000


def train(folder: Path, epochs: int) -> str:
    """Train in this process, from a checkpoint if there is one; return how it ended."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(_SAMPLES, _SIZES[0])).astype("f4")
    y = X[:, : _SIZES[-1]].argmax(axis=1)
    network = em.Network(_SIZES, dropout=0.3, normalization=["batch", None], rng=1)
    history = em.train(
        network,
        X,
        y,
        optimizer=em.optimizers.AdamW(weight_decay=0.1),
        learning_rate=em.schedules.exponential(0.001, gamma=0.99),
        epochs=epochs,
        validation_data=(X[:100], y[:100]),
        callbacks=[
            Checkpoint(folder),
            EarlyStopping(monitor="train_loss", patience=epochs, restore_best=True),
        ],
        resume_from=folder,
        rng=2,
        n_threads=1,
    )
    measured = {name: values for name, values in history.to_dict().items() if name != "seconds"}
    ended = network.get_flat_parameters().tobytes() + json.dumps(measured).encode()
    return hashlib.sha256(ended).hexdigest()


@dataclass
class Outcome:
    """What became of the trials."""

    expected: str
    digests: list[str]
    epochs_at_the_kill: list[int]
    unreadable: int
    seconds: float


def kill_and_resume(kills: int, epochs: int, seed: int = 0) -> Outcome:
    """Run all the trials, one after the other."""
    with tempfile.TemporaryDirectory() as name:
        start = time.monotonic()
        expected = _finish(Path(name), epochs)
        seconds = time.monotonic() - start
    outcome = Outcome(expected, [], [], 0, seconds)
    generator = np.random.default_rng(seed)
    for trial in range(kills):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            process = _start(folder, epochs)
            time.sleep(generator.uniform(trial, trial + 1) * seconds / kills)
            process.kill()
            process.communicate()
            _look_at_what_is_left(folder, outcome)
            outcome.digests.append(_finish(folder, epochs))
    return outcome


def _start(folder: Path, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, __file__, "--train", str(folder), "--epochs", str(epochs)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _finish(folder: Path, epochs: int) -> str:
    process = _start(folder, epochs)
    output, _ = process.communicate()
    return output.strip() if process.returncode == 0 else f"ended with {process.returncode}"


def _look_at_what_is_left(folder: Path, outcome: Outcome) -> None:
    files = checkpoints.files_in(folder)
    outcome.epochs_at_the_kill.append(max(files, default=0))
    for path in files.values():
        try:
            checkpoints.read(path)
        except em.CheckpointError:
            outcome.unreadable += 1


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--train", type=Path, help="folder: only train there, as the trials do")
    options = parser.parse_args()
    if options.train is not None:
        sys.stdout.write(train(options.train, options.epochs))
        return
    outcome = kill_and_resume(options.kills, options.epochs, options.seed)
    equal = sum(digest == outcome.expected for digest in outcome.digests)
    early = sum(epoch == 0 for epoch in outcome.epochs_at_the_kill)
    sys.stdout.write(
        f"{options.kills} kills of a process of {outcome.seconds:.1f} s and {options.epochs} "
        f"epochs: {equal} ended with SHA-256 {outcome.expected[:16]}…, "
        f"{outcome.unreadable} checkpoints unreadable; {early} were killed before the first, the "
        f"others after {np.median(outcome.epochs_at_the_kill):.0f} epochs in the median\n"
    )
    sys.exit(equal != options.kills or outcome.unreadable > 0)


if __name__ == "__main__":
    _main()
