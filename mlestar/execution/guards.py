"""Finds out which guards this machine allows, by really applying them in processes that can be lost."""

from __future__ import annotations

import dataclasses
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from mlestar.execution import landlock, libraries, namespaces, seccomp, system
from mlestar.execution.environment import PRIVATE
from mlestar.execution.sandbox import Sandbox
from mlestar.execution.wire import Guard, GuardName, Setup

NOBODY = 65534


@dataclass
class _Missing:
    """Why what is missing is missing, in the machine's words."""

    left_out: tuple[str, ...]
    reasons: dict[str, str] = field(default_factory=dict)

    def allows(self, name: str, action: Callable[[], object]) -> bool:
        """Whether the action succeeds in a child process, and nobody has said to leave it out."""
        reason = "left out by executor.without" if name in self.left_out else _tried(action)
        if reason:
            self.reasons[name] = reason
        return not reason


def find(setup: Setup) -> tuple[Sandbox, tuple[Guard, ...]]:
    """The strongest sandbox that works here; enters the namespaces it needs."""
    missing = _Missing(setup.without)
    limits = dataclasses.replace(setup.limits, user_threads=0)
    plain = Sandbox(limits, tuple(libraries.readable()))
    if sys.platform != "linux":
        return plain, _report(plain, {"linux": f"{sys.platform} has no such guard"})
    plain = dataclasses.replace(
        plain,
        landlock=missing.allows("landlock", landlock.abi),
        seccomp=missing.allows("seccomp", _filter_system_calls),
    )
    sandbox = _with_namespaces(plain, Path(setup.scratch), missing)
    threads = setup.slots * limits.max_processes + _threads_of(sandbox.user)
    sandbox = dataclasses.replace(sandbox, limits=dataclasses.replace(limits, user_threads=threads))
    return sandbox, _report(sandbox, missing.reasons)


def _with_namespaces(plain: Sandbox, scratch: Path, missing: _Missing) -> Sandbox:
    """The sandbox with a root and a user of its own, as far as both work."""
    users = (NOBODY, None) if os.getuid() == 0 and "namespaces" not in missing.left_out else (None,)
    for user in users:
        if missing.allows("user" if user else "namespaces", partial(_rehearse, plain, user, scratch)):
            return dataclasses.replace(plain, root=_prepare(plain, scratch), user=user)
    return plain


def _prepare(plain: Sandbox, scratch: Path) -> namespaces.Root:
    root = scratch / "root"
    root.mkdir(exist_ok=True)
    return namespaces.prepare(root, list(plain.readable), libraries.hidden())


def _rehearse(plain: Sandbox, user: int | None, scratch: Path) -> None:
    """Go all the way that a script goes, and read what it will need."""
    folder = scratch / f"rehearsal-{user}"
    for name in ("input", "final", f"{PRIVATE}/home", f"{PRIVATE}/tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    limits = dataclasses.replace(plain.limits, user_threads=100_000)
    sandbox = dataclasses.replace(plain, root=_prepare(plain, scratch), user=user, limits=limits)

    def script() -> None:
        sandbox.in_script(namespaces.WORK, "")
        Path(namespaces.WORK, "final", "file").write_text("x")
        Path(sys.executable).read_bytes()
        for package in (path for path in sys.path if Path(path).is_dir()):
            os.listdir(package)  # noqa: PTH208

    def warden() -> None:
        sandbox.enter(str(folder), "/usr")
        _must(script)

    _must(warden, sandbox.fork)


def _must(action: Callable[[], object], fork: Callable[[], int] = os.fork) -> None:
    reason = _tried(action, fork)
    if reason:
        raise OSError(reason)


def _filter_system_calls() -> None:
    system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
    seccomp.restrict(unix_sockets=True, signal_everybody=True)


def _tried(action: Callable[[], object], fork: Callable[[], int] = os.fork) -> str:
    """Do something in a child process; why it failed, or nothing."""
    ours, theirs = os.pipe()
    child = fork()
    if child == 0:
        reason = "died"
        try:
            action()
            reason = ""
        except Exception as error:  # noqa: BLE001  whatever it is, the guard does not work here
            reason = str(error) or type(error).__name__
        finally:
            os.write(theirs, reason.encode())
            os._exit(0 if not reason else 1)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        reason = pipe.read()
    _, state = os.waitpid(child, 0)
    return reason or ("" if state == 0 else f"ended with status {state}")


def _threads_of(user: int | None) -> int:
    """Threads the user that scripts run as has at present."""
    owner = os.getuid() if user is None else user
    count = 0
    for entry in Path("/proc").glob("[0-9]*/task"):
        try:
            if entry.stat().st_uid == owner:
                count += len(list(entry.iterdir()))
        except OSError:
            continue
    return count


def _report(sandbox: Sandbox, reasons: dict[str, str]) -> tuple[Guard, ...]:
    """Each guard with its means, or with why it is weak or off."""
    why = reasons.get("linux") or reasons.get("namespaces", "")
    own = sandbox.root is not None
    land = "Landlock" if sandbox.landlock else ""
    calls = "seccomp" if sandbox.seccomp else ""
    linux = "linux" not in reasons

    counted = linux and (sandbox.user is not None or os.getuid() != 0)

    def guard(name: GuardName, on: str, weak: str = "", off: str = why) -> Guard:
        if on:
            return Guard(name, "on", on)
        return Guard(name, "weak", f"{weak}; {why}") if weak else Guard(name, "off", off)

    return (
        guard("network", _join("network namespace" if own else "", calls), "TCP only, Landlock" if land else ""),
        guard("files", _join("root of its own" if own else "", land)),
        guard("environment", "cleared"),
        guard("processes", "pid namespace" if own else "", "visible but out of reach, Landlock" if land else ""),
        guard("user", "nobody" if sandbox.user else "", off=reasons.get("user", "the host is not root")),
        guard("system_calls", calls, off=reasons.get("seccomp", why)),
        guard("time", "pid namespace" if own else "subreaper" if linux else "", "process group"),
        guard("memory", "limit per process, watched in sum" if linux else "", "limit per process"),
        guard("disk", "limit per file, watched in sum"),
        guard("process_count", "limit, watched" if counted else "", "watched only", "root has no such limit"),
        guard("output", "cut while it is read"),
    )


def _join(*means: str) -> str:
    return ", ".join(mean for mean in means if mean)
