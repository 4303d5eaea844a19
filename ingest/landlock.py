"""Takes from this process, and all that comes of it, the right to change files (Linux 5.13 and newer; man 7 landlock)."""

from __future__ import annotations

import ctypes
import os
import struct
import tempfile

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of the system calls, the same on every machine."""

ASK_VERSION, BENEATH_PATH = 1, 1
WRITE_FILE, TRUNCATE = 1 << 1, 1 << 14
WRITING = (0x1FF2, 0x3FF2, 0x7FF2)
"""Writing, removing, making and (from the second version) moving and (from the third) cutting files, as bits, by version."""


def forbid_writing(*, except_temporary: bool) -> None:
    """Let files only be read from now on, but for /dev/null and, if wanted, the folder for temporary files.

    It holds for this thread and those it starts. Raises `OSError` where the system cannot do it.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    version = _checked(libc.syscall(CREATE_RULESET, None, 0, ASK_VERSION))
    rights = WRITING[min(version, len(WRITING)) - 1]
    rules = _checked(libc.syscall(CREATE_RULESET, struct.pack("@Q", rights), 8, 0))
    try:
        _allow(libc, rules, os.devnull, rights & (WRITE_FILE | TRUNCATE))
        if except_temporary:
            _allow(libc, rules, tempfile.gettempdir(), rights)
        _checked(libc.syscall(RESTRICT_SELF, rules, 0))
    finally:
        os.close(rules)


def _allow(libc: ctypes.CDLL, rules: int, path: str, rights: int) -> None:
    place = os.open(path, os.O_PATH)
    try:
        _checked(libc.syscall(ADD_RULE, rules, BENEATH_PATH, struct.pack("=Qi", rights, place), 0))
    finally:
        os.close(place)


def _checked(result: int) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), "landlock")
    return result
