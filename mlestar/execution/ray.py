"""Executes scripts on the nodes of a Ray cluster: the same door, with slots that come from the cluster.

One actor on each node holds a local executor, so every node has its warm parent and its guards. A view travels once
to each node. What was running on a node that is lost is executed again elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from mlestar.doors import Job
from mlestar.errors import ExecutorUnavailable
from mlestar.execution.node import NodeExecutor, Packed, read_files, write_files
from mlestar.execution.wire import GuardName
from mlestar.execution.workspace import Workspace
from mlestar.records.solution import Execution

_PACKAGE = Path(__file__).resolve().parents[1]
_OPEN_SECONDS = 180.0


@dataclass
class _Node:
    """A node with an open actor, seen from the driver."""

    identity: str
    actor: Any
    slots: int
    guards: tuple[str, ...]
    report: tuple[str, ...]
    busy: int = 0
    lost: bool = False


class RayExecutor:
    """Sends each job to the node with most free slots; `node_config` is the JSON of each node's LocalExecutorConfig."""

    def __init__(self, address: str | None, threads: int, retries: int, node_config: str, workspace: Workspace) -> None:
        self._address = address
        self._threads = threads
        self._retries = retries
        self._node_config = node_config
        self._workspace = workspace
        self._nodes: list[_Node] = []
        self._views: dict[str, Any] = {}
        self._change = asyncio.Condition()
        self._turn = asyncio.Lock()
        self._connected = False

    @property
    def slots(self) -> int:
        return max(1, sum(node.slots for node in self._alive()))

    @property
    def threads(self) -> int:
        return self._threads

    @property
    def guards(self) -> tuple[str, ...]:
        """The guards that are on at every node."""
        sets = [node.guards for node in self._alive()]
        return tuple(name for name in sets[0] if all(name in other for other in sets)) if sets else ()

    def guard_report(self) -> tuple[str, ...]:
        """The report of each node, under the node's name; nodes that report alike are told together."""
        groups: dict[tuple[str, ...], list[str]] = {}
        for node in self._alive():
            groups.setdefault(node.report, []).append(f"{node.identity[:8]} ({node.slots} slots)")
        return tuple(line for report, names in groups.items() for line in (f"nodes {', '.join(names)}:", *report))

    async def open(self, require: tuple[GuardName, ...]) -> None:
        """Connect and open an actor on every node; ExecutorUnavailable when there is none that is fit."""
        try:
            if not ray.is_initialized():
                ray.init(
                    address=self._address,
                    runtime_env={"py_modules": [str(_PACKAGE)]},
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    include_dashboard=None if self._address else False,
                )
                self._connected = True
            found = [node for node in ray.nodes() if node["Alive"]]
            opened = await asyncio.gather(*(self._open_node(node) for node in found))
        except (RayError, ConnectionError, RuntimeError, TimeoutError) as error:
            raise ExecutorUnavailable(f"no Ray cluster can be used: {error}") from error
        self._nodes = [node for node in opened if node is not None]
        if not self._nodes:
            raise ExecutorUnavailable(f"no node of the Ray cluster has {self._threads} CPUs")
        missing = sorted(set(require) - set(self.guards))
        if missing:
            raise ExecutorUnavailable(f"executor.require: not fully on at every node: {', '.join(missing)}")

    async def close(self) -> None:
        """End every script, every actor, and the connection if it was made here."""
        for node in self._alive():
            with contextlib.suppress(RayError, TimeoutError):
                await asyncio.wait_for(_result(node.actor.close.remote()), 20)
            ray.kill(node.actor)
        if self._connected:
            ray.shutdown()

    async def execute(self, job: Job) -> Execution:
        """Execute and wait; when the node is lost meanwhile, again elsewhere."""
        wanted = -(-job.threads // self._threads)
        for _ in range(self._retries + 1):
            node, taken = await self._take_node(wanted)
            try:
                packed = await self._execute_on(node, job)
            except RayError:
                node.lost = True
                continue
            finally:
                await self._give_back(node, taken)
            return await asyncio.to_thread(self._keep, packed, job)
        raise ExecutorUnavailable(f"{self._retries + 1} nodes were lost, one after the other, while they ran a script")

    async def _open_node(self, found: dict[str, Any]) -> _Node | None:
        slots = int(found["Resources"].get("CPU", 0)) // self._threads
        if slots < 1:
            return None
        options = {
            "num_cpus": slots * self._threads,
            "max_concurrency": slots + 8,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(found["NodeID"], soft=False),
        }
        actor = ray.remote(NodeExecutor).options(**options).remote(self._node_config, slots)
        guards, report = await asyncio.wait_for(_result(actor.open.remote()), _OPEN_SECONDS)
        return _Node(found["NodeID"], actor, slots, tuple(guards), tuple(report))

    async def _take_node(self, wanted: int) -> tuple[_Node, int]:
        """The node with most free slots and how many of them were taken; who waits for several is not overtaken."""
        async with self._turn, self._change:
            while True:
                alive = self._alive()
                if not alive:
                    raise ExecutorUnavailable("every node of the Ray cluster is lost")
                best = max(alive, key=lambda node: node.slots - node.busy)
                taken = min(wanted, best.slots)
                if best.busy + taken <= best.slots:
                    best.busy += taken
                    return best, taken
                await self._change.wait()

    async def _give_back(self, node: _Node, taken: int) -> None:
        async with self._change:
            node.busy -= taken
            self._change.notify_all()

    async def _execute_on(self, node: _Node, job: Job) -> Packed:
        """One attempt; cancelling it cancels the script on the node."""
        view = await self._stored_view(job)
        running = node.actor.execute.remote(job.model_dump_json(), [view])
        try:
            packed: Packed = await _result(running)
        except asyncio.CancelledError:
            ray.cancel(running)
            with contextlib.suppress(RayError, TimeoutError, asyncio.CancelledError):
                await asyncio.wait_for(_result(running), 20)
            raise
        return packed

    async def _stored_view(self, job: Job) -> Any:
        """The view's files in the object store of the cluster, which copies them once to each node that reads them."""
        key = str(job.view.folder)
        if key not in self._views:
            self._views[key] = ray.put(await asyncio.to_thread(read_files, job.view.folder))
        return self._views[key]

    def _keep(self, packed: Packed, job: Job) -> Execution:
        """Unpack into a folder like those of local executions."""
        folder = self._workspace.new_folder(f"{job.script.digest[:8]}-{job.view.name}")
        write_files(packed.files | {"script.py": job.script.source.encode("utf-8", "surrogatepass")}, folder)
        return Execution.model_validate_json(packed.execution).model_copy(update={"folder": folder})

    def _alive(self) -> list[_Node]:
        return [node for node in self._nodes if not node.lost]


async def _result(reference: Any) -> Any:
    return await reference
