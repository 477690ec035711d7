"""What every executor does, whatever it runs scripts on."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

import mlestar
from mlestar.doors import Executor, Job
from mlestar.execution.factory import ExecutorConfig, LocalExecutorConfig, RayExecutorConfig, open_executor
from mlestar.records.solution import Execution, Script, View

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONFIGS: dict[str, ExecutorConfig] = {
    "warm": LocalExecutorConfig(slots=2),
    "cold": LocalExecutorConfig(slots=2, warm=False),
    "no_namespaces": LocalExecutorConfig(slots=2, without=("namespaces",)),
    "no_guards": LocalExecutorConfig(slots=2, without=("namespaces", "landlock", "seccomp")),
    "ray": RayExecutorConfig(),
}
SUBMIT = "open('final/submission.csv', 'w').write(open('input/sample_submission.csv').read())\n"


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> View:
    folder = tmp_path_factory.mktemp("view")
    (folder / "train.csv").write_text("x,y\n1,2\n2,4\n3,6\n4,8\n")
    (folder / "test.csv").write_text("x\n5\n6\n")
    (folder / "sample_submission.csv").write_text("y\n0\n0\n")
    (folder / "images").mkdir()
    (folder / "images" / "one.txt").write_text("a picture")
    return View(name="fold_0", folder=folder, digest="d")


QUIET = [pytest.mark.filterwarnings(f"ignore::{name}") for name in ("DeprecationWarning", "FutureWarning")]
QUIET += [pytest.mark.filterwarnings(f"ignore::{name}") for name in ("ResourceWarning", "pytest.PytestWarning")]
WEAKER = [pytest.param(name, marks=pytest.mark.slow) for name in ("no_namespaces", "no_guards")]
KINDS = ["warm", "cold", *WEAKER, pytest.param("ray", marks=[pytest.mark.slow, *QUIET])]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def executor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Executor]:
    if request.param == "ray":
        start_ray()
    async with open_executor(CONFIGS[request.param], tmp_path_factory.mktemp("workspace")) as executor:
        yield executor
    if request.param == "ray":
        pytest.importorskip("ray").shutdown()


def start_ray() -> None:
    """A Ray of two CPUs, whatever this machine has."""
    ray = pytest.importorskip("ray", reason="executor=ray needs: pip install 'mlestar[ray]'")
    package = {"py_modules": [str(Path(mlestar.__file__).parent)]}
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=40, runtime_env=package)


def job(view: View, source: str, *, timeout_seconds: float = 30, time_limit_seconds: float = 20, seed: int = 7) -> Job:
    return Job(
        script=Script(source=source),
        view=view,
        timeout_seconds=timeout_seconds,
        time_limit_seconds=time_limit_seconds,
        seed=seed,
    )


def processes_named(mark: str) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if mark.encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
        except OSError:
            continue
    return found


async def appearing(mark: str) -> None:
    """Wait until a process with this mark in its command line exists."""
    for _ in range(400):
        if processes_named(mark):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the process never appeared")


def stdout(execution: Execution) -> str:
    assert execution.status == "ok", execution.stderr_tail
    return execution.stdout_tail.strip()


async def test_a_script_is_told_where_to_leave_what_it_fitted_only_when_asked(executor: Executor, view: View) -> None:
    source = (
        "import os\nname = os.environ.get('MLESTAR_MODEL_FILE')\nprint(name)\nif name: open(name, 'w').write('fitted')"
    )
    asked = await executor.execute(job(view, SUBMIT + source).model_copy(update={"hand_over": True}))
    unasked = await executor.execute(job(view, SUBMIT + source))
    assert (stdout(asked), stdout(unasked)) == ("final/model.pkl", "None")
    assert asked.files == ("final/model.pkl", "final/submission.csv")


async def test_a_script_reads_its_input_and_leaves_a_submission(executor: Executor, view: View) -> None:
    execution = await executor.execute(job(view, SUBMIT + "print('done', open('input/images/one.txt').read())"))
    assert stdout(execution) == "done a picture"
    assert execution.files == ("final/submission.csv",)
    assert execution.folder is not None
    assert (execution.folder / "final/submission.csv").read_text() == "y\n0\n0\n"
    assert execution.fault is None
    assert execution.returncode == 0
    assert 0 < execution.seconds < 20
    assert abs(time.time() - execution.started_at) < 60


async def test_results_of_libraries_are_the_same_as_anywhere(executor: Executor, view: View) -> None:
    source = """
import numpy as np, pandas as pd
from sklearn.linear_model import Ridge
train = pd.read_csv('input/train.csv')
print(Ridge().fit(train[['x']], train['y']).predict(pd.read_csv('input/test.csv')).round(6).tolist())
"""
    assert stdout(await executor.execute(job(view, source))) == "[9.166667, 10.833333]"


async def test_a_script_runs_as_the_main_program(executor: Executor, view: View) -> None:
    source = """
import sys, __main__
class Model: ...
print(__name__, __main__.Model is Model, sys.argv[1:], len(sys.argv), __file__.endswith('script.py'), __doc__)
print('mlestar' in sys.modules)
"""
    assert stdout(await executor.execute(job(view, source))) == "__main__ True [] 1 True None\nFalse"


async def test_threads_and_exit_functions_finish_before_a_script_ends(executor: Executor, view: View) -> None:
    source = """
import atexit, threading, time
atexit.register(lambda: print('exit function'))
threading.Thread(target=lambda: (time.sleep(0.2), print('late thread'))).start()
print('body')
"""
    assert stdout(await executor.execute(job(view, source))) == "body\nlate thread\nexit function"


async def test_a_pool_of_processes_works(executor: Executor, view: View) -> None:
    source = """
import multiprocessing as mp
def square(x): return x * x
if __name__ == '__main__':
    for method in ('fork', 'spawn'):
        with mp.get_context(method).Pool(2) as pool:
            print(pool.map(square, [1, 2, 3]))
"""
    assert stdout(await executor.execute(job(view, source))) == "[1, 4, 9]\n[1, 4, 9]"


async def test_joblib_works(executor: Executor, view: View) -> None:
    source = """
from joblib import Parallel, delayed
def square(x): return x * x
print(Parallel(n_jobs=2)(delayed(square)(i) for i in range(4)))
"""
    assert stdout(await executor.execute(job(view, source))) == "[0, 1, 4, 9]"


async def test_a_script_is_given_the_threads_of_its_job(executor: Executor, view: View) -> None:
    source = """
import os, joblib
import sklearn.ensemble
print(os.environ['OMP_NUM_THREADS'], joblib.cpu_count(), end=' ')
import lightgbm
from threadpoolctl import threadpool_info
print({pool['num_threads'] for pool in threadpool_info() if pool['user_api'] == 'openmp'})
"""
    wide = job(view, source).model_copy(update={"threads": 2})
    assert stdout(await executor.execute(wide)) == "2 2 {2}"
    assert stdout(await executor.execute(job(view, source))) == "1 1 {1}"


async def test_careless_randomness_is_seeded(executor: Executor, view: View) -> None:
    source = "import random, numpy as np; print(random.random(), np.random.rand(), hash('a'))"
    first, again, other = [stdout(await executor.execute(job(view, source, seed=seed))) for seed in (1, 1, 2)]
    assert first == again != other


async def test_the_environment_holds_only_what_scripts_need(executor: Executor, view: View) -> None:
    os.environ["MLESTAR_TEST_KEY"] = "secret"
    try:
        execution = await executor.execute(
            job(view, "import os; print(sorted(os.environ)); print(os.environ['MLESTAR_TIME_LIMIT_SECONDS'])")
        )
    finally:
        del os.environ["MLESTAR_TEST_KEY"]
    names, limit = stdout(execution).splitlines()
    assert "MLESTAR_TEST_KEY" not in names
    assert "OMP_NUM_THREADS" in names
    assert limit == "20"


async def test_home_and_temporary_files_are_the_scripts_own(executor: Executor, view: View) -> None:
    source = """
import os, tempfile
from pathlib import Path
tempfile.NamedTemporaryFile(delete=False).write(b'x')
(Path.home() / 'kept').write_text('x')
print(Path(tempfile.gettempdir()).is_relative_to(os.getcwd()), Path.home().is_relative_to(os.getcwd()))
"""
    execution = await executor.execute(job(view, source))
    assert stdout(execution) == "True True"
    assert execution.files == ()


async def test_a_failure_is_one_exact_line(executor: Executor, view: View) -> None:
    execution = await executor.execute(job(view, "print('before')\n{}['area']"))
    assert (execution.status, execution.fault, execution.returncode) == ("failed", "KeyError: 'area'", 1)
    assert execution.stdout_tail == "before\n"
    assert 'script.py", line 2, in <module>' in execution.stderr_tail
    assert "running.py" not in execution.stderr_tail


async def test_a_chained_failure_is_named_by_its_last_exception(executor: Executor, view: View) -> None:
    source = "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise ValueError('no\\nrows') from e"
    assert (await executor.execute(job(view, source))).fault == "ValueError: no"


async def test_a_script_that_does_not_compile_says_where(executor: Executor, view: View) -> None:
    execution = await executor.execute(job(view, "x = 1\nif x\n    pass"))
    assert (execution.status, execution.fault) == ("failed", "SyntaxError: expected ':'")
    assert "line 2" in execution.stderr_tail


@pytest.mark.parametrize(
    ("source", "status", "fault"),
    [
        ("raise SystemExit", "ok", None),
        ("import sys; sys.exit(3)", "failed", "exit code 3 and nothing on stderr"),
        ("import sys; sys.exit('no rows')", "failed", "no rows"),
        ("import os; os.abort()", "failed", "ended by SIGABRT"),
        ("import os; os.kill(os.getpid(), 9)", "failed", "ended by SIGKILL"),
    ],
)
async def test_exit_codes_and_signals(
    executor: Executor, view: View, source: str, status: str, fault: str | None
) -> None:
    execution = await executor.execute(job(view, source))
    assert (execution.status, execution.fault) == (status, fault)


async def test_a_timeout_keeps_what_was_done_so_far(executor: Executor, view: View) -> None:
    began = time.monotonic()
    execution = await executor.execute(
        job(view, SUBMIT + "print('half way')\nimport time; time.sleep(60)", timeout_seconds=1.5)
    )
    assert time.monotonic() - began < 10
    assert (execution.status, execution.fault) == ("timed_out", "timed out: longer than 1.5 s")
    assert execution.stdout_tail == "half way\n"
    assert execution.files == ("final/submission.csv",)


async def test_a_timeout_ends_daemons_too(executor: Executor, view: View) -> None:
    mark = f"daemon-{time.monotonic_ns()}"
    source = f"""
import os, subprocess, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)', '{mark}'])
    os._exit(0)
time.sleep(60)
"""
    execution = await executor.execute(job(view, source, timeout_seconds=1))
    assert execution.status == "timed_out"
    assert processes_named(mark) == []


async def test_a_daemon_does_not_outlive_its_script(executor: Executor, view: View) -> None:
    mark = f"left-{time.monotonic_ns()}"
    source = f"""
import subprocess, sys
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '{mark}'], start_new_session=True)
"""
    execution = await executor.execute(job(view, source))
    assert execution.status == "ok"
    assert execution.seconds < 20
    assert processes_named(mark) == []


async def test_cancelling_ends_the_whole_tree(executor: Executor, view: View) -> None:
    mark = f"cancelled-{time.monotonic_ns()}"
    source = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', '{mark}'], start_new_session=True)
time.sleep(60)
"""
    running = asyncio.create_task(executor.execute(job(view, source)))
    await appearing(mark)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert processes_named(mark) == []


async def test_as_many_scripts_overlap_as_there_are_slots(executor: Executor, view: View) -> None:
    assert executor.slots == 2
    source = "import time; print(time.time()); time.sleep(0.5); print(time.time())"
    executions = await asyncio.gather(*(executor.execute(job(view, source)) for _ in range(3)))
    spans = sorted(tuple(map(float, stdout(execution).split())) for execution in executions)
    assert spans[1][0] < spans[0][1]
    assert spans[2][0] > spans[0][1]


async def test_the_host_goes_on_while_scripts_run(executor: Executor, view: View) -> None:
    running = asyncio.create_task(executor.execute(job(view, "import time; time.sleep(0.5)")))
    longest, last = 0.0, time.monotonic()
    while not running.done():
        await asyncio.sleep(0.01)
        longest, last = max(longest, time.monotonic() - last), time.monotonic()
    assert longest < 0.3


async def test_long_output_keeps_its_beginning_and_its_end(executor: Executor, view: View) -> None:
    execution = await executor.execute(job(view, "print('first'); print('x' * 5_000_000); print('last')"))
    assert execution.stdout_tail.startswith("first\n")
    assert execution.stdout_tail.endswith("last\n")
    assert "bytes left out" in execution.stdout_tail
    assert len(execution.stdout_tail) < 70_000


async def test_each_execution_has_a_folder_of_its_own(executor: Executor, view: View) -> None:
    source = "import os; print(os.listdir('final')); open('final/note.txt', 'w').write('x')"
    first, second = [await executor.execute(job(view, source)) for _ in range(2)]
    assert stdout(first) == stdout(second) == "[]"
    assert first.folder != second.folder


async def test_what_a_script_does_to_its_input_reaches_nobody_else(executor: Executor, view: View) -> None:
    before = (view.folder / "train.csv").read_text()
    await executor.execute(job(view, "import os; os.chmod('input/train.csv', 0o777); open('input/train.csv', 'w')"))
    assert (view.folder / "train.csv").read_text() == before
    assert stdout(await executor.execute(job(view, "print(open('input/train.csv').read())"))) == before.strip()


async def test_memory_use_is_reported(executor: Executor, view: View) -> None:
    execution = await executor.execute(job(view, "x = bytearray(300 * 2**20); import time; time.sleep(0.5)"))
    assert execution.peak_memory_bytes is not None
    assert 300 * 2**20 < execution.peak_memory_bytes < 900 * 2**20
