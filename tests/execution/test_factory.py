"""Executors are opened from their configuration, and closed with everything below them."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from mlestar.doors import Job
from mlestar.errors import ConfigError, ExecutorUnavailable
from mlestar.execution.factory import ExecutorConfig, LocalExecutorConfig, open_executor, usable_cores
from mlestar.execution.local import LocalExecutor
from mlestar.execution.wire import Setup, from_line, to_line
from mlestar.records.solution import Script, View

COLD = LocalExecutorConfig(warm=False, slots=1)
SLEEP = "import time; time.sleep(60)"
ROOT = Path(__file__).parents[2]


def job(folder: Path, source: str) -> Job:
    (folder / "view").mkdir(exist_ok=True)
    view = View(name="fold_0", folder=folder / "view", digest="d")
    return Job(script=Script(source=source), view=view, timeout_seconds=30, time_limit_seconds=30, seed=1)


async def test_slots_times_threads_are_the_usable_cores(tmp_path: Path) -> None:
    async with open_executor(LocalExecutorConfig(warm=False), tmp_path) as executor:
        assert executor.slots * executor.threads == usable_cores()


async def test_every_guard_is_reported_with_its_means(tmp_path: Path) -> None:
    async with open_executor(COLD, tmp_path) as executor:
        report = executor.guard_report()
    assert len(report) == 11
    assert all(line.split()[1] in ("on", "weak", "off") for line in report)
    assert any(line.startswith("environment   on    cleared") for line in report)


async def test_a_required_guard_that_is_missing_is_named_with_the_reason(tmp_path: Path) -> None:
    config = COLD.model_copy(update={"require": ("system_calls",), "without": ("seccomp",)})
    reason = r"^executor\.require: the guard system_calls is off here: left out by executor\.without$"
    with pytest.raises(ExecutorUnavailable, match=reason):
        async with open_executor(config, tmp_path):
            pass


async def test_weaker_guards_are_said_to_be_weak(tmp_path: Path) -> None:
    config = COLD.model_copy(update={"without": ("namespaces",)})
    async with open_executor(config, tmp_path) as executor:
        assert "processes" not in executor.guards
        assert any(line.startswith(("processes     weak", "processes     off")) for line in executor.guard_report())


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "moon"},
        {"kind": "local", "slots": 0},
        {"kind": "local", "require": ["walls"]},
        {"kind": "local", "retries": 1},
        {"kind": "ray", "retries": -1},
    ],
)
def test_wrong_configuration_is_an_error(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter[object](ExecutorConfig).validate_python(wrong)


async def test_a_parent_that_dies_is_replaced(tmp_path: Path) -> None:
    async with open_executor(COLD, tmp_path / "workspace") as executor:
        assert isinstance(executor, LocalExecutor)
        running = asyncio.create_task(executor.execute(job(tmp_path, "import time; time.sleep(1); print('done')")))
        await asyncio.sleep(0.4)
        os.kill(executor.ready.process, signal.SIGKILL)
        assert (await running).stdout_tail == "done\n"
        assert (await executor.execute(job(tmp_path, "print('again')"))).stdout_tail == "again\n"


async def test_closing_leaves_nothing_behind(tmp_path: Path) -> None:
    async with open_executor(COLD, tmp_path / "workspace") as executor:
        assert isinstance(executor, LocalExecutor)
        parent = executor.ready.process
        await executor.execute(job(tmp_path, ""))
    with pytest.raises(ProcessLookupError):
        os.kill(parent, 0)
    assert [path.name for path in (tmp_path / "workspace" / "executions").glob(".parent*")] == []


def test_when_the_host_is_killed_its_scripts_end(tmp_path: Path) -> None:
    mark = f"orphan-{time.monotonic_ns()}"
    program = f"""
import asyncio, sys
from pathlib import Path
from tests.execution.test_factory import COLD, job, open_executor
async def main():
    async with open_executor(COLD, Path({str(tmp_path)!r}, 'workspace')) as executor:
        source = "import os, sys; os.execv(sys.executable, [sys.executable, '-c', {SLEEP!r}, '{mark}'])"
        await executor.execute(job(Path({str(tmp_path)!r}), source))
asyncio.run(main())
"""
    host = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT)
    try:
        assert wait_until(lambda: running(mark))
    finally:
        host.kill()
        host.wait()
    assert wait_until(lambda: not running(mark))


async def test_a_workspace_inside_the_input_is_refused(tmp_path: Path) -> None:
    async with open_executor(COLD, tmp_path / "view" / "workspace") as executor:
        with pytest.raises(ConfigError, match="lies inside the folder that scripts read"):
            await executor.execute(job(tmp_path, ""))


def test_messages_survive_the_wire() -> None:
    setup = Setup(
        warm=True, threads=2, slots=1, limits=from_line(Setup, WIRE).limits, scratch="/x", without=("landlock",)
    )
    assert from_line(Setup, to_line(setup)) == setup


WIRE = (
    '{"warm": true, "threads": 1, "slots": 1, "scratch": "", '
    '"limits": {"memory_bytes": 1, "disk_bytes": 2, "output_bytes": 3, "max_processes": 4}}'
)


def running(mark: str) -> bool:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if mark.encode() in words:
            return True
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.05)
    return False
