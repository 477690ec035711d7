"""Which parts of the host's file system scripts may read: the system's programs and the installed libraries."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/nix/store", "/sys")
_OF_ETC = (
    "/etc/alternatives",
    "/etc/fonts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/timezone",
)
_LABELLED = "sklearn/datasets/data"
"""Data of bundled tasks, held-out labels included."""


def readable() -> list[str]:
    """Files and folders, outer ones before inner ones."""
    wanted = [*_SYSTEM, *_OF_ETC, *_python()]
    found: list[str] = []
    for path in sorted(dict.fromkeys(wanted), key=len):
        inside = any(path.startswith(f"{outer}/") for outer in found if not os.path.islink(outer))  # noqa: PTH114
        if os.path.lexists(path) and not inside:
            found.append(path)
    return found


def hidden() -> list[str]:
    """Folders inside the readable ones that scripts have no business in."""
    return [path for folder in _site_packages() if os.path.isdir(path := f"{folder}/{_LABELLED}")]  # noqa: PTH112


def _python() -> list[str]:
    """Where this Python and its packages are, under the names it uses and the names they resolve to."""
    executable = Path(sys.executable)
    folders = [sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *_site_packages()]
    step: Path | None = executable
    while step is not None:
        folders.append(str(step.parent.parent))
        step = step.parent / step.readlink() if step.is_symlink() else None
    folders += [os.path.realpath(folder) for folder in folders]
    return [os.path.abspath(folder) for folder in folders if folder not in ("/", "")]  # noqa: PTH100


def _site_packages() -> list[str]:
    return [path for path in sys.path if path.rstrip("/").endswith(("site-packages", "dist-packages"))]
