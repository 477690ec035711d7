"""A study goes on when a node of its cluster is lost."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlestar.doors import Job
from mlestar.errors import ExecutorUnavailable
from mlestar.execution.factory import RayExecutorConfig, open_executor
from mlestar.records.solution import Execution, Script, View

ray = pytest.importorskip("ray", reason="executor=ray needs: pip install 'mlestar[ray]'")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def cluster() -> Iterator[Any]:
    """Two nodes of one CPU each, on this machine."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def view(tmp_path: Path) -> View:
    folder = tmp_path / "view"
    folder.mkdir()
    (folder / "train.csv").write_text("x,y\n1,2\n")
    return View(name="fold_0", folder=folder, digest="d")


def job(view: View, source: str) -> Job:
    script = Script(source=source)
    return Job(script=script, view=view, timeout_seconds=60, time_limit_seconds=50, seed=7)


def config(cluster: Any, **more: Any) -> RayExecutorConfig:
    return RayExecutorConfig(address=cluster.address, warm=False, **more)


async def test_scripts_spread_and_those_of_a_lost_node_run_again(cluster: Any, view: View, tmp_path: Path) -> None:
    source = "import time, numpy; time.sleep({}); print(numpy.random.rand(), open('input/train.csv').read())"
    async with open_executor(config(cluster), tmp_path / "workspace") as executor:
        assert executor.slots == 2
        running = [asyncio.create_task(executor.execute(job(view, source.format(pause)))) for pause in (4, 4.1)]
        await asyncio.sleep(2)
        await asyncio.to_thread(cluster.remove_node, cluster.list_all_nodes()[1], allow_graceful=False)
        executions: list[Execution] = await asyncio.gather(*running)
        assert [execution.status for execution in executions] == ["ok", "ok"]
        assert executions[0].stdout_tail == executions[1].stdout_tail
        assert "x,y" in executions[0].stdout_tail
        first, second = sorted(execution.started_at for execution in executions)
        assert second > first + 2, "the second must have been started again after the first"
        assert executor.slots == 1
        again = await executor.execute(job(view, "open('final/submission.csv', 'w').write('y')"))
        assert again.folder is not None
        assert (again.folder / "final/submission.csv").read_text() == "y"


async def test_a_required_guard_must_be_on_at_every_node(cluster: Any, view: View, tmp_path: Path) -> None:
    weak = config(cluster, require=("processes",), without=("namespaces",))
    with pytest.raises(ExecutorUnavailable, match=r"executor\.require: not fully on at every node: processes"):
        async with open_executor(weak, tmp_path / "workspace"):
            pass


async def test_scripts_on_a_cluster_see_nothing_of_the_driver(cluster: Any, view: View, tmp_path: Path) -> None:
    os.environ["MLESTAR_TEST_SECRET"] = "sk-0123456789"
    try:
        async with open_executor(config(cluster), tmp_path / "workspace") as executor:
            execution = await executor.execute(job(view, "import os; print(dict(os.environ))"))
    finally:
        del os.environ["MLESTAR_TEST_SECRET"]
    assert execution.status == "ok"
    assert "sk-0123456789" not in execution.stdout_tail
