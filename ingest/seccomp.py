"""A filter of system calls for this process and all that comes of it: no network, no looking into other processes.

The kernel runs it as a program of a few dozen instructions (seccomp, see man 2 seccomp and linux/filter.h). It is built for
x86-64 and ARM64; elsewhere `install` raises, and the caller falls back.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from collections.abc import Iterable, Sequence

LOAD, EQUAL, ANY_BIT, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, KILL, REFUSE = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
AF_UNIX, CLONE_THREAD, X32 = 1, 0x10000, 0x40000000
SET_MODE_FILTER, ALL_THREADS = 1, 1

MACHINES = {"x86_64": (0xC000003E, 317, 0), "aarch64": (0xC00000B7, 277, 1)}
"""Of each machine: how the kernel calls it, the number of `seccomp` on it, and its column in the table of calls."""

CALLS: dict[str, tuple[int, int]] = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "io_uring_setup": (425, 425), "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424), "kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "fork": (57, -1), "vfork": (58, -1),
    "clone": (56, 220), "clone3": (435, 435), "execve": (59, 221), "execveat": (322, 281), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "kexec_load": (246, 104), "reboot": (169, 142),
    "init_module": (175, 105), "finit_module": (313, 273), "open_by_handle_at": (304, 265), "chroot": (161, 51),
}  # fmt: skip
"""System calls by name: their numbers on x86-64 and ARM64; -1 where there is none."""

ALWAYS = (
    "io_uring_setup", "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "pidfd_send_signal", "unshare", "setns",
    "mount", "bpf", "perf_event_open", "userfaultfd", "keyctl", "add_key", "request_key", "kexec_load", "reboot", "init_module",
    "finit_module", "open_by_handle_at", "chroot",
)  # fmt: skip
"""Refused to everyone: other processes, the kernel, and a way around this filter (io_uring opens sockets too)."""

TALKING = (
    "socket", "socketpair", "connect", "bind", "listen", "accept", "accept4", "sendto", "sendmsg", "sendmmsg",
)  # fmt: skip
SIGNALS = ("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo")
PROGRAMS = ("fork", "vfork", "execve", "execveat")

Instruction = tuple[int, int, int, int]


def install(parent: int, *, programs: bool) -> None:
    """Filter the system calls of all threads from now on, for good. Raises `OSError` where that is not possible.

    Without `programs` there are no sockets at all, no new processes, and no signals to others. With it, programs may be
    started and may talk over local (Unix) sockets, which LibreOffice needs; `parent` can still not be signalled.
    """
    machine = MACHINES.get(platform.machine())
    if machine is None:
        raise OSError(errno.ENOSYS, "no filter for this machine")
    architecture, seccomp, column = machine
    code = [
        *_refused_elsewhere(architecture),
        *(one for name in ALWAYS for one in _refuse(CALLS[name][column])),
        *(_with_programs(column, parent) if programs else _alone(column)),
        (RETURN, 0, 0, ALLOW),
    ]
    _apply(seccomp, code)


def _alone(column: int) -> Iterable[Instruction]:
    """One process that speaks to nobody. clone3 hides its flags in memory: `ENOSYS` makes the C library use clone."""
    for name in (*TALKING, *PROGRAMS):
        yield from _refuse(CALLS[name][column])
    yield from _refuse(CALLS["clone3"][column], errno.ENOSYS)
    yield from _refuse_unless(CALLS["clone"][column], [(ANY_BIT, CLONE_THREAD)])
    for name in SIGNALS:
        yield from _refuse_unless(CALLS[name][column], [(EQUAL, 0), (EQUAL, os.getpid())])


def _with_programs(column: int, parent: int) -> Iterable[Instruction]:
    """Processes that talk among themselves."""
    yield from _refuse_unless(CALLS["socket"][column], [(EQUAL, AF_UNIX)])
    for name in SIGNALS:
        yield from _refuse_if(CALLS[name][column], [parent, -os.getpgid(parent), -1])


def _refused_elsewhere(architecture: int) -> list[Instruction]:
    """Calls by the rules of another architecture end the process; those of x32 are refused."""
    return [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (ANY_BIT, 0, 1, X32),
        (RETURN, 0, 0, REFUSE | errno.EPERM),
    ]


def _refuse(number: int, error: int = errno.EPERM) -> list[Instruction]:
    return [(EQUAL, 0, 1, number), (RETURN, 0, 0, REFUSE | error)] if number >= 0 else []


def _refuse_unless(number: int, tests: Sequence[tuple[int, int]]) -> list[Instruction]:
    """Refuse the call unless its first argument passes one of the tests."""
    count = len(tests)
    checks = [(kind, count - place, 0, value) for place, (kind, value) in enumerate(tests)]
    return _block(number, [*checks, (RETURN, 0, 0, REFUSE | errno.EPERM)])


def _refuse_if(number: int, values: Sequence[int]) -> list[Instruction]:
    """Refuse the call if its first argument is one of the values."""
    last = len(values) - 1
    checks = [(EQUAL, last - place, int(place == last), value & 0xFFFFFFFF) for place, value in enumerate(values)]
    return _block(number, [*checks, (RETURN, 0, 0, REFUSE | errno.EPERM)])


def _block(number: int, checks: Sequence[Instruction]) -> list[Instruction]:
    """Run the checks with the first argument at hand if the call is the one; have its number at hand again behind them."""
    return [
        (EQUAL, 0, len(checks) + 1, number),
        (LOAD, 0, 0, FIRST_ARGUMENT),
        *checks,
        (LOAD, 0, 0, NUMBER),
    ]


def _apply(seccomp: int, code: Sequence[Instruction]) -> None:
    packed = b"".join(struct.pack("=HBBI", *one) for one in code)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(code), ctypes.addressof(buffer)))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(seccomp, SET_MODE_FILTER, ALL_THREADS, program) != 0:
        raise OSError(ctypes.get_errno(), "seccomp")
