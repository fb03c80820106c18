"""Wherever runs are trained they have the same bits, and a death costs one run alone."""

import doctest
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import eigenmlp as em
import sweep_digest
from eigenmlp.sweeps import Place, RunFailure, RunResult, run
from eigenmlp.sweeps import runner as runner_module
from eigenmlp.sweeps.display import Display
from eigenmlp.sweeps.executors import local
from sweep_digest import SPECS, digest, engine, sweep, sweep_with_a_death
from tiny_study import content, tiny_runs_data, tiny_spec

ALONE = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """The digest of the sweep by threads, and its folder."""
    folder = tmp_path_factory.mktemp("known")
    return digest(sweep(folder, "threads")), folder


class Elsewhere:
    """An executor of which only `submit` is known, whose workers share nothing with the driver."""

    def __init__(self) -> None:
        self.pool = ProcessPoolExecutor(2)
        self.sent: list[int] = []

    def submit(self, function: Any) -> Future[Any]:
        content = pickle.dumps(function)
        self.sent.append(len(content))
        return self.pool.submit(_unpickled, content)


def _unpickled(content: bytes) -> Any:
    return pickle.loads(content)()  # noqa: S301


@pytest.fixture(
    params=["processes", "threads", "ThreadPoolExecutor", "ProcessPoolExecutor", "Dask"]
)
def executor(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "ThreadPoolExecutor":
        with ThreadPoolExecutor(2) as pool:
            yield pool
    elif request.param == "ProcessPoolExecutor":
        import multiprocessing

        with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as processes:
            yield processes
    elif request.param == "Dask":
        pytest.importorskip("distributed", reason="Dask is not installed")
        with engine("dask") as client:
            yield client
    else:
        yield request.param


def test_every_engine_gives_the_same_bits_and_repeats_nothing(
    executor: Any, known: tuple[str, Path], tmp_path: Path
) -> None:
    runs = sweep(tmp_path / "runs", executor)
    assert digest(runs) == known[0]
    for spec in SPECS:
        name = f"{spec.name}-seed0"
        assert content(tmp_path / "runs" / name) == content(known[1] / name)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*.json")}
    assert digest(sweep(tmp_path / "runs", executor)) == known[0]
    assert {path: path.stat().st_mtime_ns for path in written} == written


def test_an_unknown_executor_is_sent_the_data_once_for_each_worker(
    known: tuple[str, Path], tmp_path: Path
) -> None:
    elsewhere = Elsewhere()
    with elsewhere.pool:
        assert digest(sweep(tmp_path / "runs", elsewhere)) == known[0]
    size = len(pickle.dumps(tiny_runs_data()))
    assert sum(n_bytes > size for n_bytes in elsewhere.sent) <= 2
    runs_alone = [n_bytes for n_bytes in elsewhere.sent if n_bytes <= size]
    assert sum(runs_alone) < 2000 * len(SPECS)


@pytest.mark.parametrize("name", ["ray", "mpi"])
def test_engines_that_listen_have_a_network_of_their_own(
    name: str, known: tuple[str, Path], tmp_path: Path
) -> None:
    pytest.importorskip({"ray": "ray", "mpi": "mpi4py"}[name], reason=f"{name} is not installed")
    program = [sys.executable, Path(__file__).parents[1] / "support" / "sweep_digest.py", name]
    start = (
        ["mpiexec", "--allow-run-as-root", "--oversubscribe", "-n", "2"] if name == "mpi" else []
    )
    told = []
    for death in ([], [], ["death"] if name == "ray" else []):
        folder = tmp_path / ("with-a-death" if death else "runs")
        told.append(_alone([*start, *program, folder / "runs", *death]).split()[-2:])
    assert told == [[known[0], "0"], [known[0], str(len(SPECS))], [known[0], told[2][1]]]


def test_the_page_of_searches_on_ray_in_a_network_of_their_own() -> None:
    pytest.importorskip("ray", reason="Ray is not installed")
    page = (Path(__file__).parents[2] / "docs" / "searches.md").read_text()
    examples = [example.source for example in doctest.DocTestParser().get_examples(page)]
    alone = "".join(
        source for source in examples if "Client" not in source and "spread" not in source
    )
    (on_ray,) = re.findall(r"```python\n(from ray[^`]*)```", page)
    program = f"""
import ray
{alone}
ray.init(num_cpus=2, include_dashboard=False)
{on_ray}
assert np.array_equal(alone, search.cv_results_["mean_test_score"])
print("the same")
"""
    assert _alone([sys.executable, "-c", program]).split()[-2:] == ["the", "same"]


def _alone(arguments: list[Any]) -> str:
    """Return what a program prints where there is but the loopback interface."""
    if subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode:
        pytest.skip("there is no network namespace to be had")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    starter = [*ALONE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    done = subprocess.run(
        [*starter, *map(str, arguments)],
        check=False, timeout=100, capture_output=True, text=True, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.parametrize("name", ["processes", "dask"])
def test_a_worker_that_dies_costs_its_run_alone(
    name: str, known: tuple[str, Path], tmp_path: Path
) -> None:
    if name == "dask":
        pytest.importorskip("distributed", reason="Dask is not installed")
    with engine(name) as executor:
        runs = sweep_with_a_death(tmp_path / "runs", executor)
    assert digest(runs) == known[0]
    assert {failure.kind for failure in runs.failures} == {"diverged"}


def test_workers_leave_ctrl_c_to_their_parent(tmp_path: Path) -> None:
    """In a process of its own, in which Python has no process yet that cleans up after workers."""
    program = (
        "import sys, sweep_digest as s; from pathlib import Path\n"
        "if __name__ == '__main__':\n"
        "    runs = s.measured_sweep(Path(sys.argv[1]), 'processes', {'blocks': s.blocks_ctrl_c})\n"
        "    print({run.last.further['blocks'][0] for run in runs.results})\n"
    )
    support = Path(sweep_digest.__file__).parent
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(support)])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "{1.0}\n", ended.stderr


def test_a_run_whose_worker_dies_always_is_given_up_and_tried_by_the_next_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs = [tiny_spec("a"), tiny_spec("b")]
    monkeypatch.setattr(local, "run_mapped", _die_of_a)
    first = run(specs, tiny_runs_data(), tmp_path, jobs=2, progress=False, executor="processes")
    assert isinstance(first[1], RunResult)
    (lost,) = first.failures
    assert (lost.spec.name, lost.kind) == ("a", "lost")
    assert "its process died 3 times" in lost.message
    monkeypatch.undo()
    again = run(specs, tiny_runs_data(), tmp_path, progress=False, executor="processes")
    assert not again.failures


def _die_of_a(spec: Any, *arguments: Any) -> Any:
    if spec.name == "a":
        os.kill(os.getpid(), signal.SIGKILL)
    return local.run_mapped(spec, *arguments)


def test_an_error_is_recorded_and_tried_again(tmp_path: Path) -> None:
    specs = [tiny_spec("a", class_weight={7: 2.0}), tiny_spec("b")]
    for _ in range(2):
        runs = run(specs, tiny_runs_data(), tmp_path, executor="threads", progress=False)
        (failure,) = runs.failures
        assert isinstance(failure, RunFailure)
        assert failure.kind == "raised"
        assert failure.message.startswith("ValueError: class_weight")
        assert (tmp_path / "a-seed0" / "failure.json").exists()
        assert "raised: ValueError" in runs.table()["error"][0]


def test_a_broken_or_closed_executor_loses_runs_in_words(tmp_path: Path) -> None:
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    (lost,) = run([tiny_spec()], tiny_runs_data(), tmp_path, executor=pool, progress=False).failures
    assert lost.kind == "lost"
    assert "it could not begin: cannot schedule new futures after shutdown" in lost.message


@pytest.mark.parametrize("name", ["processes", "threads", "pool"])
def test_ctrl_c_keeps_what_is_done_and_ends_the_rest(name: str, tmp_path: Path) -> None:
    """The interrupt comes when the first run is on disk."""
    data = tiny_runs_data()
    specs = [tiny_spec(f"run-{k}", epochs=10 if k == 0 else 10**7) for k in range(3)]
    before = threading.active_count()

    def interrupt(_self: Any, row: int, _outcome: Any) -> None:
        assert row == 0
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor(2) as pool:
        patch.setattr(Display, "finished", interrupt)
        patch.setattr(runner_module, "training_cost", lambda spec, _: -spec.epochs)
        with pytest.raises(KeyboardInterrupt):
            run(specs, data, tmp_path, executor=pool if name == "pool" else name,
                jobs=None if name == "pool" else 2, progress=False)  # fmt: skip
    assert sorted(path.name for path in tmp_path.glob("run-*")) == ["run-0-seed0"]
    assert threading.active_count() <= before + 1  # the tracker of loky's resources may stay


def test_jobs_are_for_this_machine(tmp_path: Path) -> None:
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ValueError, match="jobs=2 is for runs on this machine; ThreadPoolExecutor"),
    ):
        run([tiny_spec()], tiny_runs_data(), tmp_path / "x", executor=pool, jobs=2)


def test_other_bits_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tiny_runs_data()
    ours = em.instruction_set()
    other = "v2" if ours != "v2" else "v3"
    monkeypatch.setattr("eigenmlp.sweeps.finished.instruction_set", lambda: other)
    with pytest.warns(
        UserWarning, match=rf"runs were trained on .* \({other}\), and here by {ours}"
    ):
        (result,) = run([tiny_spec()], data, tmp_path, executor="threads", progress=False).results
    assert result.place == Place(host=result.place.host, instruction_set=other)
    monkeypatch.setattr("eigenmlp.sweeps.finished.instruction_set", lambda: ours)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run([tiny_spec("b")], data, tmp_path, executor="threads", progress=False)


def test_a_run_of_another_version_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = em.sweeps.run_spec(tiny_spec(), tiny_runs_data())
    monkeypatch.setattr("eigenmlp.sweeps.finished.__version__", "99.0")
    monkeypatch.setattr(local, "run_spec", lambda *_, **__: finished)
    (lost,) = run(
        [tiny_spec()], tiny_runs_data(), tmp_path, executor="threads", progress=False
    ).failures
    assert "what came back is not this run: it was trained by eigenmlp" in lost.message


def test_a_missing_package_is_named_by_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ImportError, match=r'pip install "eigenmlp\[ray\]"'):
        em.sweeps.RayExecutor()
