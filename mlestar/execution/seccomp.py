"""A seccomp filter that refuses the system calls no training script needs and every escape does.

Refused calls return an error, so a script that meets one gets an exception it can be repaired by.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from ctypes import c_char_p, c_ushort
from dataclasses import dataclass

from mlestar.execution import system

_X86, _ARM = "x86_64", "aarch64"
_AUDIT_ARCH = {_X86: 0xC000003E, _ARM: 0xC00000B7}
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCH_AT, _FIRST_ARGUMENT_AT = 0, 4, 16
_X32_BIT = 0x40000000
_NEW_NAMESPACE_FLAGS = 0x7E020000
_AF_UNIX = 1

REFUSED: dict[str, tuple[int | None, int | None]] = {
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "process_madvise": (440, 440),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    "unshare": (272, 97),
    "setns": (308, 268),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "keyctl": (250, 219),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "syslog": (103, 116),
    "quotactl": (179, 60),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "iopl": (172, None),
    "ioperm": (173, None),
}
"""Numbers on x86_64 and on aarch64; None where a call does not exist."""
_CLONE, _CLONE3, _SOCKET, _KILL = (56, 220), (435, 435), (41, 198), (62, 129)


@dataclass(frozen=True)
class _Instruction:
    code: int
    value: int
    if_true: int = 0
    if_false: int = 0

    def packed(self) -> bytes:
        return struct.pack("=HBBI", self.code, self.if_true, self.if_false, self.value)


class _Program(ctypes.Structure):
    _fields_ = [("length", c_ushort), ("instructions", c_char_p)]


def restrict(*, unix_sockets: bool, signal_everybody: bool) -> None:
    """Install the filter for this process and all it starts; OSError where that is impossible.

    Network sockets are always refused. `unix_sockets` are refused too unless a network namespace makes them harmless;
    `signal_everybody` (kill -1) unless a pid namespace does. Needs PR_SET_NO_NEW_PRIVS.
    """
    packed = b"".join(instruction.packed() for instruction in _filter(unix_sockets, signal_everybody))
    program = _Program(len(packed) // 8, packed)
    system.set_seccomp_filter(ctypes.addressof(program))


def _filter(unix_sockets: bool, signal_everybody: bool) -> list[_Instruction]:
    machine = platform.machine()
    if machine not in _AUDIT_ARCH:
        raise OSError(errno.ENOSYS, f"no list of system calls for {machine}")
    column = (_X86, _ARM).index(machine)
    refuse = _Instruction(_RETURN, _ERROR | errno.EPERM)
    missing = _Instruction(_RETURN, _ERROR | errno.ENOSYS)
    no_network = _Instruction(_RETURN, _ERROR | errno.ENETDOWN)
    allow = _Instruction(_RETURN, _ALLOW)
    program = [
        _Instruction(_LOAD, _ARCH_AT),
        _Instruction(_EQUAL, _AUDIT_ARCH[machine], 1, 0),
        missing,
        _Instruction(_LOAD, _NUMBER_AT),
        _Instruction(_AT_LEAST, _X32_BIT, 0, 1),
        missing,
        _Instruction(_EQUAL, _CLONE3[column], 0, 1),
        missing,
    ]
    for numbers in REFUSED.values():
        number = numbers[column]
        if number is not None:
            program += [_Instruction(_EQUAL, number, 0, 1), refuse]
    program += _by_argument(_CLONE[column], _Instruction(_ANY_BIT, _NEW_NAMESPACE_FLAGS, 0, 1), refuse, allow)
    if unix_sockets:
        program += _by_argument(_SOCKET[column], _Instruction(_EQUAL, _AF_UNIX, 1, 0), no_network, allow)
    else:
        program += [_Instruction(_EQUAL, _SOCKET[column], 0, 1), no_network]
    if not signal_everybody:
        program += _by_argument(_KILL[column], _Instruction(_EQUAL, 0xFFFFFFFF, 0, 1), refuse, allow)
    return [*program, allow]


def _by_argument(number: int, test: _Instruction, refuse: _Instruction, allow: _Instruction) -> list[_Instruction]:
    """Refuse one call by its first argument: the test steps over the refusal."""
    return [_Instruction(_EQUAL, number, 0, 4), _Instruction(_LOAD, _FIRST_ARGUMENT_AT), test, refuse, allow]
