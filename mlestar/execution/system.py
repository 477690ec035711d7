"""The few calls to the operating system that Python has no name for; Linux only."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from functools import cache

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_SET_CHILD_SUBREAPER = 36

_CAPSET = {"x86_64": 126, "aarch64": 91}
_CLONE = {"x86_64": 56, "aarch64": 220}
_SIGCHLD = 17
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_MOUNT_SETATTR = 442
_CAPABILITY_VERSION_3 = 0x20080522
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000

Argument = int | bytes | ctypes.Array[ctypes.c_char] | None


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *values: int) -> None:
    """prctl(2); OSError when it fails, nothing elsewhere than on Linux."""
    if sys.platform == "linux":
        arguments = [ctypes.c_ulong(value) for value in (*values, 0, 0, 0, 0)[:4]]
        _checked("prctl", _libc().prctl(ctypes.c_int(option), *arguments))


def syscall(name: str, number: int, *arguments: Argument) -> int:
    """A system call by number; OSError that names it when it fails."""
    plain = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(name, int(_libc().syscall(ctypes.c_long(number), *plain)))


def set_seccomp_filter(program_address: int) -> None:
    """Install a filter for this process and its children."""
    filter_mode = 2
    prctl(PR_SET_SECCOMP, filter_mode, program_address)


def unshare(flags: int) -> None:
    """unshare(2)."""
    _checked("unshare", _libc().unshare(ctypes.c_int(flags)))


def fork_with_namespaces(flags: int) -> int:
    """fork(2) whose child starts in new namespaces: as `os.fork`, which can pass no flags, with clone(2) inside."""
    python = ctypes.PyDLL(None, use_errno=True)
    python.PyOS_BeforeFork()
    pid = int(python.syscall(ctypes.c_long(_CLONE[os.uname().machine]), ctypes.c_long(flags | _SIGCHLD), 0, 0, 0, 0))
    number = ctypes.get_errno()
    if pid == 0:
        python.PyOS_AfterFork_Child()
        return 0
    python.PyOS_AfterFork_Parent()
    if pid == -1:
        raise OSError(number, f"clone: {os.strerror(number)}")
    return pid


def mount(source: str, target: str, kind: str = "none", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    words = [ctypes.c_char_p(os.fsencode(word)) for word in (source, target, kind)]
    result = _libc().mount(*words, ctypes.c_ulong(flags), ctypes.c_char_p(options.encode()))
    _checked(f"mount {target}", result)


def unmount(target: str) -> None:
    """umount2(2) as soon as nobody uses it any more."""
    detach = 2
    _checked(f"umount {target}", _libc().umount2(os.fsencode(target), detach))


def set_mount_flags(target: str, attributes: int) -> None:
    """Set flags of a mount and of all below it (mount_setattr(2), Linux 5.12)."""
    packed = ctypes.create_string_buffer(struct.pack("=QQQQ", attributes, 0, 0, 0))
    syscall("mount_setattr", _MOUNT_SETATTR, _AT_FDCWD, os.fsencode(target), _AT_RECURSIVE, packed, 32)


def pivot_root(new: str, old: str) -> None:
    """pivot_root(2)."""
    syscall("pivot_root", _PIVOT_ROOT[os.uname().machine], os.fsencode(new), os.fsencode(old))


def drop_capability_bounds() -> None:
    """Take every capability out of what programs can gain; without privilege there is none to take."""
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError:
            break


def drop_capabilities() -> None:
    """Give up every capability this process has."""
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
    nothing = ctypes.create_string_buffer(24)
    syscall("capset", _CAPSET[os.uname().machine], header, nothing)


def _checked(name: str, result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result
