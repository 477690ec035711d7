"""A fresh folder for every execution, and what is kept of it afterwards."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from itertools import count
from pathlib import Path
from typing import Literal

from mlestar.doors import Job
from mlestar.execution.environment import PRIVATE
from mlestar.execution.footprint import MOST_FILES, MOST_LEVELS, footprint

InputMode = Literal["mount", "link", "copy"]


class Workspace:
    """Makes folders under `executions/` and reads what scripts leave in them."""

    def __init__(self, root: Path) -> None:
        self.folder = root.absolute() / "executions"
        self.folder.mkdir(parents=True, exist_ok=True)
        self._numbers = count()
        self._open_views: dict[Path, Path] = {}

    def prepare(self, job: Job, mode: InputMode) -> Path:
        """A new folder with the script and everything it finds in its place; a mounted input comes later."""
        folder = self.new_folder(f"{job.script.digest[:8]}-{job.view.name}")
        (folder / "script.py").write_text(job.script.source, encoding="utf-8", errors="surrogatepass")
        for name in ("final", PRIVATE, f"{PRIVATE}/home", f"{PRIVATE}/tmp"):
            (folder / name).mkdir()
        if mode == "mount":
            (folder / "input").mkdir()
        elif mode == "link":
            (folder / "input").symlink_to(job.view.folder.absolute())
        else:
            shutil.copytree(job.view.folder, folder / "input", copy_function=_copy)
        return folder

    def open_to_others(self, given: Path) -> Path:
        """The folder itself when every user may read all of it, otherwise one copy that they may."""
        if given not in self._open_views:
            copy = self.folder / f".view-{len(self._open_views)}"
            self._open_views[given] = given if _is_open(given) else copy
            if self._open_views[given] == copy:
                _remove(copy)
                shutil.copytree(given, copy, copy_function=_copy)
                for parent in (copy, *(path for path in _all_below(copy) if path.is_dir())):
                    parent.chmod(0o755)
        return self._open_views[given]

    def collect(self, folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The regular files the script left, and what was removed because it was none; both relative to the folder.

        Links, pipes and devices are removed, so that nobody who opens a file later can be led elsewhere; so are
        names that are no UTF-8, and everything when there is too much of it.
        """
        for name in ("input", PRIVATE):
            _remove(folder / name)
        _open_up(folder)
        found = footprint(str(folder))
        if found.files > MOST_FILES or found.levels > MOST_LEVELS:
            _remove(folder)
            folder.mkdir()
            return (), ("everything",)
        kept: list[str] = []
        removed: list[str] = []
        for path in sorted(_all_below(folder)):
            if stat.S_ISDIR(path.lstat().st_mode):
                continue
            name = os.fsencode(path.relative_to(folder)).decode("utf-8", "replace")
            if _is_plain(path):
                kept.append(name)
            else:
                path.unlink()
                removed.append(name)
        return tuple(name for name in kept if name != "script.py"), tuple(removed)

    def new_folder(self, name: str) -> Path:
        """A folder that nobody has used yet."""
        safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)[:80]
        while True:
            folder = self.folder / f"{next(self._numbers):05d}-{safe}"
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                return folder


def _is_open(folder: Path) -> bool:
    """Whether users other than the owner may read everything below."""
    for path in (folder, *_all_below(folder)):
        needed = 0o005 if path.is_dir() else 0o004
        if path.stat().st_mode & needed != needed:
            return False
    return True


def _copy(source: str, target: str) -> str:
    """Copy a file; the copy may not be written to, which keeps honest scripts honest."""
    shutil.copyfile(source, target)
    os.chmod(target, 0o444)  # noqa: PTH101
    return target


def _is_plain(path: Path) -> bool:
    """Whether this is a regular file with a name that can be written down."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return stat.S_ISREG(path.lstat().st_mode)


def _all_below(folder: Path) -> list[Path]:
    """Every file and folder; links are not followed."""
    found: list[Path] = []
    for parent, folders, files in os.walk(folder, followlinks=False):
        found += [Path(parent) / name for name in (*folders, *files)]
    return found


def _open_up(folder: Path) -> None:
    """Make folders readable to the host again, as deep as anything is kept."""
    level = [str(folder)]
    for _ in range(MOST_LEVELS):
        below: list[str] = []
        for path in level:
            os.chmod(path, 0o755)  # noqa: PTH101
            with os.scandir(path) as entries:
                below += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
        level = below


def _remove(path: Path) -> None:
    """Remove a folder, however deep, whatever permissions it has, and whatever a script put in its place."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    try:
        shutil.rmtree(path)
    except (OSError, RecursionError):
        subprocess.run(["chmod", "-R", "u+rwX", path], check=False, capture_output=True)
        subprocess.run(["rm", "-rf", path], check=False, capture_output=True)
