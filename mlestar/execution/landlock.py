"""Landlock: a process gives up access to files, TCP ports, signals and abstract sockets, without any privilege.

What the kernel can do grows by ABI version (landlock(7)); `abi` asks for it and `restrict` uses all of it.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable

from mlestar.execution.system import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_TRUNCATE, _IOCTL_DEVICE = 1 << 14, 1 << 15
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEVICE
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_DEVICES = (1 << 6) | (1 << 11)
_FILE_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many file rights are known from an ABI version on."""
_TCP_FROM_ABI, _SCOPES_FROM_ABI = 4, 6


def abi() -> int:
    """The ABI version of this kernel; OSError when it has no Landlock."""
    return syscall("landlock_create_ruleset", _CREATE_RULESET, None, 0, 1)


def restrict(read: Iterable[str], write: Iterable[str]) -> None:
    """Leave this process only reading below `read` and everything but making devices below `write`.

    TCP, and signals and abstract sockets to outside, end too where the kernel can. Paths that do not exist are
    passed over. Needs PR_SET_NO_NEW_PRIVS.
    """
    version = abi()
    known = (1 << max(count for first, count in _FILE_RIGHTS_BY_ABI.items() if first <= version)) - 1
    tcp = 0b11 if version >= _TCP_FROM_ABI else 0
    scopes = 0b11 if version >= _SCOPES_FROM_ABI else 0
    attributes = struct.pack("=QQQ", known, tcp, scopes)
    size = 24 if scopes else 16 if tcp else 8
    ruleset = syscall("landlock_create_ruleset", _CREATE_RULESET, ctypes.create_string_buffer(attributes), size, 0)
    try:
        for path in read:
            _allow(ruleset, path, _READ & known)
        for path in write:
            _allow(ruleset, path, known & ~_DEVICES)
        syscall("landlock_restrict_self", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    with contextlib.suppress(FileNotFoundError, PermissionError):
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not stat.S_ISDIR(os.fstat(fd).st_mode):
                rights &= _OF_FILES
            rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, fd))
            syscall("landlock_add_rule", _ADD_RULE, ruleset, 1, rule, 0)
        finally:
            os.close(fd)
