"""The host as hostile scripts know it: secrets to find, doors to knock at, and whether they got through."""

from __future__ import annotations

import os
import platform
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mlestar.doors import Job
from mlestar.execution.factory import LocalExecutorConfig
from mlestar.records.solution import Script, View
from tests.execution.attacks import Attack

SECRET = "sk-0123456789"
LIMITED = LocalExecutorConfig(slots=1, memory_gib=1, disk_gib=1 / 16, output_mib=8, max_processes=48)
_CALLS = {
    "x86_64": {"ptrace": 101, "mount": 165, "unshare": 272, "clone": 56, "bpf": 321, "perf": 298, "keyctl": 250},
    "aarch64": {"ptrace": 117, "mount": 40, "unshare": 97, "clone": 220, "bpf": 280, "perf": 241, "keyctl": 219},
}


@dataclass
class World:
    """Everything an attacker may be told, by name."""

    folder: Path
    names: dict[str, str] = field(default_factory=dict)
    listeners: tuple[socket.socket, ...] = ()

    def job(self, attack: Attack, timeout_seconds: float = 5) -> Job:
        return Job(
            script=Script(source=attack.script(self.names)),
            view=View(name="fold_0", folder=self.folder / "view", digest="d"),
            timeout_seconds=timeout_seconds,
            time_limit_seconds=timeout_seconds,
            seed=1,
        )

    def breaches(self) -> list[str]:
        """What reached the host or was changed on it."""
        found = [f"connection to {listener.getsockname()!r}" for listener in self.listeners if _reached(listener)]
        found += [str(path) for path in self.folder.rglob("planted*")]
        if (self.folder / "view" / "train.csv").read_text() != "x,y\n1,2\n":
            found.append("the input was changed")
        if self.names["mark"].encode() in _command_lines():
            found.append("a process was left behind")
        return found


@contextmanager
def world(folder: Path) -> Iterator[World]:
    """A host with secrets in its environment, its files and behind its sockets."""
    for name in ("view", "home", "workspace/executions", "labels", "other/final"):
        (folder / name).mkdir(parents=True)
    (folder / "view" / "train.csv").write_text("x,y\n1,2\n")
    for name in ("labels/labels.csv", "home/.netrc", "other/final/submission.csv"):
        (folder / name).write_text(SECRET)
    with ExitStack() as stack:
        listeners = tuple(stack.enter_context(listener) for listener in _listeners(folder))
        os.environ["MLESTAR_TEST_SECRET"] = SECRET
        stack.callback(os.environ.pop, "MLESTAR_TEST_SECRET")
        # /proc shows the environment that a process was started with, so one is started with the secret.
        bystander = stack.enter_context(subprocess.Popen(["sleep", "1000"]))
        stack.callback(bystander.kill)
        yield World(folder, _names(folder, listeners[0].getsockname()[1]), listeners)


def _names(folder: Path, port: int) -> dict[str, str]:
    calls = _CALLS[platform.machine()] | {"userfaultfd": 323 if platform.machine() == "x86_64" else 282}
    return {name: str(number) for name, number in calls.items()} | {
        "secret": SECRET,
        "labels": f"{folder}/labels/labels.csv",
        "home": f"{folder}/home",
        "workspace": f"{folder}/workspace",
        "other": f"{folder}/other",
        "host": str(os.getpid()),
        "port": str(port),
        "abstract": f"mlestar-test-{os.getpid()}",
        "unix": f"{folder}/socket",
        "mark": f"left-behind-{os.getpid()}",
    }


def _listeners(folder: Path) -> Iterator[socket.socket]:
    tcp = socket.create_server(("127.0.0.1", 0))
    yield tcp
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(tcp.getsockname())
    yield udp
    for address in (f"\0mlestar-test-{os.getpid()}", f"{folder}/socket"):
        unix = socket.socket(socket.AF_UNIX)
        unix.bind(address)
        unix.listen()
        yield unix


def _reached(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(100)
        else:
            listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _command_lines() -> bytes:
    found = b""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            found += (entry / "cmdline").read_bytes()
        except OSError:
            continue
    return found
