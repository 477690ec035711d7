"""The MLflow project as a user starts it from a git address."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from mlestar.tracking.store import StoreConfig, open_store
from tests.contracts.stores import free_port, process

ROOT = Path(__file__).resolve().parent.parent
GIT = shutil.which("git")
PROJECT = ("MLproject", "conda.yaml", "requirements.txt", "conf", "mlestar")
START_SECONDS = 30

pytestmark = [pytest.mark.slow, pytest.mark.skipif(GIT is None, reason="no git on this machine")]


def git(*words: str, folder: Path) -> None:
    """Run git without the settings of the machine."""
    author = {f"GIT_{who}_{what}": "x@localhost" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environment = {**os.environ, **author, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(["git", *words], cwd=folder, env=environment, check=True, capture_output=True, timeout=60)


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """The git address of a repository that holds the project as it is now, served on this machine alone."""
    repository = tmp_path / "served" / "mlestar"
    repository.mkdir(parents=True)
    for name in PROJECT:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, repository / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, repository / name)
    git("init", "--quiet", "--initial-branch=main", folder=repository)
    git("add", "--all", folder=repository)
    git("commit", "--quiet", "--message=all", folder=repository)
    port = free_port()
    served = ["git", "daemon", "--export-all", f"--base-path={repository.parent}", "--listen=127.0.0.1"]
    with process([*served, f"--port={port}"], tmp_path / "daemon.log") as daemon:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and daemon.poll() is None:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                yield f"git://127.0.0.1:{port}/mlestar"
                return
            time.sleep(0.1)
        pytest.skip("git daemon does not start here")


def test_a_git_address_is_all_that_mlflow_run_needs(address: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    uri = f"sqlite:///{home}/mlflow.db"
    folders = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    command = [sys.executable, "-m", "mlflow", "run", address, "-e", "history", "--env-manager", "local"]
    done = subprocess.run(
        [*command, "-P", "task=houses"],
        cwd=home,
        env={**os.environ, "PATH": folders, "MLFLOW_TRACKING_URI": uri, "MLFLOW_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "no run of the task houses" in done.stdout
    backend = open_store(StoreConfig(tracking_uri=uri)).backend
    (run,) = backend.runs(backend.experiments(), "")
    assert (run.data.tags["kind"], run.info.status) == ("history", "FINISHED")
