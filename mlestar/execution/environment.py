"""All that scripts, and the parent they are forked from, find in their environment; nothing of the host's is in it."""

from __future__ import annotations

PRIVATE = ".private"
"""Folder of a script's home and temporary files, inside its own; removed when the script has ended."""


def base_environment(threads: int) -> dict[str, str]:
    """What the parent of workers and every script have in common.

    BLAS keeps one thread whatever `threads` says: its pool would start at import, before the fork.
    """
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "script",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": str(threads),
        "OMP_THREAD_LIMIT": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "LOKY_MAX_CPU_COUNT": str(threads),
    }


def script_environment(
    folder: str, time_limit_seconds: float, threads: int, *, hand_over: bool = False
) -> dict[str, str]:
    """The environment of one script, whose own folder is `folder` as the script sees it."""
    return {
        **base_environment(threads),
        "HOME": f"{folder}/{PRIVATE}/home",
        "TMPDIR": f"{folder}/{PRIVATE}/tmp",
        "MLESTAR_TIME_LIMIT_SECONDS": f"{time_limit_seconds:g}",
        **({"MLESTAR_MODEL_FILE": "final/model.pkl"} if hand_over else {}),
    }
