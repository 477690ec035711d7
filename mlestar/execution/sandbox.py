"""Puts the guards round a script: which of them this machine allows, and how they are applied.

What a machine allows is found out once, by really doing it in a process that can be lost. A guard that is missing, or
weaker than it could be, is reported with the reason.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from dataclasses import dataclass

from mlestar.execution import landlock, namespaces, seccomp, system
from mlestar.execution.wire import Limits

_OPEN_FILES = 4096
_NICENESS = 5
"""Of scripts; their wardens must come first, or a fork bomb starves them."""
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/shm")


@dataclass(frozen=True)
class Sandbox:
    """The guards of one parent of workers."""

    limits: Limits
    readable: tuple[str, ...]
    """What of the host's file system scripts may read."""
    root: namespaces.Root | None = None
    landlock: bool = False
    seccomp: bool = False
    user: int | None = None
    """Another user that scripts run as; only root can have that."""

    def fork(self) -> int:
        """Fork a warden, apart from all other processes where that is possible."""
        return os.fork() if self.root is None else self.root.fork()

    def enter(self, folder: str, given: str) -> str:
        """What the warden does before it forks the script; the script's folder under its final name."""
        if self.root is None:
            return folder
        if self.user is not None:
            _give_to(self.user, folder)
        self.root.enter(folder, given)
        return namespaces.WORK

    def in_script(self, folder: str, given: str) -> None:
        """What the script's process does to itself before the script takes over; there is no way back."""
        os.nice(_NICENESS)
        _set_limits(self.limits)
        if sys.platform != "linux":
            return
        system.prctl(system.PR_SET_NO_NEW_PRIVS, 1)
        if self.landlock and self.root is not None:
            landlock.restrict(["/"], [folder, "/tmp", *_DEVICES])
        elif self.landlock:
            # Other processes' environments and memory stay closed: Landlock refuses ptrace access to outside.
            landlock.restrict([*self.readable, "/proc", given], [folder, *_DEVICES])
        _change_user(self.user)
        if self.seccomp:
            seccomp.restrict(unix_sockets=self.root is not None, signal_everybody=self.root is not None)
        system.prctl(system.PR_SET_DUMPABLE, 1)
        system.prctl(system.PR_SET_PDEATHSIG, signal.SIGKILL)


def _change_user(user: int | None) -> None:
    """Become another user where one is given, and lose every capability for good."""
    system.drop_capability_bounds()
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    system.drop_capabilities()


def _give_to(user: int, folder: str) -> None:
    for parent, folders, _ in os.walk(folder):
        for name in (".", *folders):
            os.chown(os.path.join(parent, name), user, user, follow_symlinks=False)  # noqa: PTH118


def _set_limits(limits: Limits) -> None:
    """Limits of each single process; the warden watches their sum.

    Memory is limited as data, not as address space: BLAS and LightGBM reserve much that they never use.
    """
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:  # noqa: PTH123
        score.write("1000")
    wanted = {
        resource.RLIMIT_DATA: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.disk_bytes,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_NPROC: limits.user_threads,
        resource.RLIMIT_CORE: 0,
    }
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        value = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (value, value))
