"""Hostile scripts get nothing they should not, and the host says exactly what happened."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from _pytest.mark import ParameterSet

from mlestar.execution.factory import GuardedExecutor, open_executor
from mlestar.records.solution import Execution
from tests.execution.attacks import ATTACKS, EXHAUSTING, LINGERING, Attack
from tests.execution.world import LIMITED, SECRET, World, world

pytestmark = pytest.mark.asyncio(loop_scope="module")

LEVELS = {
    "everything": LIMITED,
    "fresh_interpreter": LIMITED.model_copy(update={"warm": False}),
    "no_namespaces": LIMITED.model_copy(update={"without": ("namespaces",)}),
    "nothing": LIMITED.model_copy(update={"without": ("namespaces", "landlock", "seccomp")}),
}
SLOW = {attack.name for attack in (*EXHAUSTING, *LINGERING)}
SAFE_UNGUARDED = (
    # Root's processes have capabilities that scripts lack, which already keeps their environments closed.
    *(("key in another process's environment",) if os.getuid() else ()),
    "held-out labels",
    "home of the user",
    "another solution's folder",
    "labels through a link",
    "up the folders",
    "labels of a bundled data set",
    "TCP by address",
    "UDP by address",
    "abstract unix socket of the host",
    "unix socket of the host",
    "new namespaces",
)
"""Attacks that harm nothing when they succeed."""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(tmp_path_factory.mktemp("host")) as host:
        yield host


EVERY_LEVEL = [
    "everything",
    *(pytest.param(level, marks=pytest.mark.slow) for level in ("fresh_interpreter", "no_namespaces")),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=EVERY_LEVEL)
async def executor(request: pytest.FixtureRequest, host: World) -> AsyncIterator[GuardedExecutor]:
    async with open_executor(LEVELS[request.param], host.folder / "workspace") as executor:
        yield executor


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def unguarded(host: World) -> AsyncIterator[GuardedExecutor]:
    async with open_executor(LEVELS["nothing"], host.folder / "workspace") as executor:
        yield executor


def case(attack: Attack) -> ParameterSet:
    name = attack.name.replace(" ", "_").replace("/", "")
    return pytest.param(attack, id=name, marks=pytest.mark.slow if attack.name in SLOW else ())


@pytest.mark.parametrize("attack", [case(attack) for attack in ATTACKS])
async def test_an_attack_gets_nothing(executor: GuardedExecutor, host: World, attack: Attack) -> None:
    missing = set(attack.needs) - set(executor.guards)
    if missing:
        pytest.skip(f"guards that are not fully on here: {', '.join(sorted(missing))}")
    execution = await executor.execute(host.job(attack))
    seen = execution.stdout_tail + execution.stderr_tail
    assert "ESCAPED" not in seen
    assert SECRET not in seen
    assert execution.status in attack.statuses, (execution.status, execution.fault, seen)
    assert attack.fault in (execution.fault or "")
    assert host.breaches() == []
    assert execution.seconds < 10
    assert SECRET not in kept_text(execution)
    execution.model_dump_json()


@pytest.mark.parametrize("attack", [case(attack) for attack in ATTACKS if attack.name in SAFE_UNGUARDED])
async def test_the_attack_is_a_real_one(unguarded: GuardedExecutor, host: World, attack: Attack) -> None:
    execution = await unguarded.execute(host.job(attack))
    assert "ESCAPED" in execution.stdout_tail, execution.stderr_tail
    host.breaches()


def kept_text(execution: Execution) -> str:
    """The beginning of every file that was kept; none of them is anything but a regular file."""
    text = ""
    for name in execution.files:
        assert execution.folder is not None
        path = execution.folder / name
        assert path.is_file()
        assert not path.is_symlink()
        text += path.read_text(errors="replace")[:1000]
    return text
