"""Namespaces: a script sees a file system, processes and a network of its own.

The parent of workers prepares, once, an empty root with the system and the libraries mounted read-only in it. Each
warden takes a private copy, adds the script's folder, its input and a new /proc, and makes it the whole world.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from mlestar.execution import system
from mlestar.execution.environment import PRIVATE

WORK = "/script"
"""Where a script finds its own folder."""

_NEW_MOUNTS, _NEW_UTS, _NEW_IPC, _NEW_USER = 0x00020000, 0x04000000, 0x08000000, 0x10000000
_NEW_PIDS, _NEW_NETWORK = 0x20000000, 0x40000000
_BIND, _RECURSIVE, _PRIVATE = 0x1000, 0x4000, 0x40000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _NO_EXECUTE = 1, 2, 4, 8
_SHARED_MEMORY_BYTES = 2**30


@dataclass(frozen=True)
class Root:
    """The prepared root, as the parent of workers sees it."""

    path: Path
    temporary: bool
    """Whether /tmp can be the script's own; not when the libraries are below it."""

    def fork(self) -> int:
        """Fork a process that is the first of a pid namespace: when it ends, all that descends from it ends."""
        return system.fork_with_namespaces(_NEW_PIDS)

    def enter(self, folder: str, given: str) -> None:
        """Make the root this process's world, with `folder` in its place and `given` as its input."""
        system.unshare(_NEW_MOUNTS | _NEW_NETWORK | _NEW_IPC | _NEW_UTS)
        root = str(self.path)
        work = root + WORK
        system.mount(folder, work, flags=_BIND)
        system.mount(given, f"{work}/input", flags=_BIND | _RECURSIVE)
        system.set_mount_flags(f"{work}/input", _READ_ONLY | _NO_SUID | _NO_DEVICES)
        system.set_mount_flags(work, _NO_SUID | _NO_DEVICES)
        system.mount("proc", f"{root}/proc", "proc", _NO_SUID | _NO_DEVICES | _NO_EXECUTE)
        options = f"size={_SHARED_MEMORY_BYTES},nr_inodes=10000,mode=1777"
        system.mount("tmpfs", f"{root}/dev/shm", "tmpfs", _NO_SUID | _NO_DEVICES, options)
        if self.temporary:
            system.mount(f"{folder}/{PRIVATE}/tmp", f"{root}/tmp", flags=_BIND)
        os.chdir(root)
        system.pivot_root(".", ".")
        system.unmount(".")
        os.chdir(WORK)


def prepare(path: Path, visible: list[str], hidden: list[str]) -> Root:
    """Enter a mount namespace and build the root at `path`, an empty folder; OSError where that is not allowed.

    Whoever lacks the privilege enters a user namespace first and stays the same user in it.
    """
    try:
        system.unshare(_NEW_MOUNTS)
    except PermissionError:
        _enter_user_namespace()
    system.mount("none", "/", flags=_RECURSIVE | _PRIVATE)
    system.mount("tmpfs", str(path), "tmpfs", _NO_SUID, "size=4m,mode=755")
    for folder in (WORK, "/proc", "/tmp", "/dev/shm"):
        (path / folder[1:]).mkdir(parents=True)
    for source in visible:
        _show(source, path)
    for source in hidden:
        _cover(path / source.lstrip("/"))
    for device in ("null", "zero", "full", "random", "urandom"):
        (path / "dev" / device).touch()
        system.mount(f"/dev/{device}", str(path / "dev" / device), flags=_BIND)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (path / "dev" / name).symlink_to(target)
    system.set_mount_flags(str(path), _READ_ONLY)
    return Root(path, temporary=not any(source.startswith("/tmp/") for source in visible))


def _enter_user_namespace() -> None:
    user, group = os.getuid(), os.getgid()
    system.unshare(_NEW_USER | _NEW_MOUNTS)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def _show(source: str, root: Path) -> None:
    """Make a file, a folder or a link of the host visible under the same name, unless it already is."""
    target = root / source.lstrip("/")
    if os.path.lexists(target) and not target.is_dir():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.islink(source):  # noqa: PTH114
        target.symlink_to(os.readlink(source))  # noqa: PTH115
        return
    if os.path.isdir(source):  # noqa: PTH112
        target.mkdir(exist_ok=True)
    else:
        target.touch()
    system.mount(source, str(target), flags=_BIND | _RECURSIVE)
    system.set_mount_flags(str(target), _READ_ONLY | _NO_SUID)


def _cover(target: Path) -> None:
    """Hide what is in a folder."""
    if target.is_dir():
        system.mount("tmpfs", str(target), "tmpfs", _NO_SUID | _READ_ONLY, "size=4k")
