"""Tracking stores started for tests on this machine: MLflow servers and a PostgreSQL cluster."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

START_SECONDS = 120


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(command: Sequence[str], log: Path, **options: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own session that is ended with the block, its children too."""
    with log.open("wb") as out:
        started = subprocess.Popen(
            list(command),
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"},
            **options,  # type: ignore[call-overload]
        )
    try:
        yield started
    finally:
        started.terminate()
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def mlflow_server(folder: Path, backend_uri: str, port: int | None = None) -> Iterator[str]:
    """The address of an MLflow server of one worker that keeps its artifacts in the folder."""
    port = port or free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", backend_uri, "--artifacts-destination", str(folder / "artifacts")]
    with process(command, folder / "server.log") as server:
        uri = f"http://127.0.0.1:{port}"
        _until_healthy(uri, server, folder / "server.log")
        yield uri


def _until_healthy(uri: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            urlopen(f"{uri}/health", timeout=2).close()
        except (URLError, OSError):
            time.sleep(0.3)
        else:
            return
    raise RuntimeError(f"the MLflow server did not start: {log.read_text()[-2000:]}")


def postgres_programs() -> Path | None:
    """The folder of initdb and postgres; None when there is no PostgreSQL."""
    found = shutil.which("postgres")
    folder = None if found is None else Path(found).resolve().parent
    return folder if folder is not None and (folder / "initdb").exists() else None


@contextmanager
def postgres_database(programs: Path) -> Iterator[str]:
    """The URI of an empty database of a cluster of its own, run by an unprivileged user when we are root."""
    folder = Path(tempfile.mkdtemp(prefix="mlestar-postgres-"))
    user = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "nobody", "nogroup")
    port = free_port()
    try:
        subprocess.run(
            [programs / "initdb", "-D", folder / "data", "-U", "mlestar", "-A", "trust", "--no-sync"],
            check=True,
            capture_output=True,
            cwd=folder,
            **user,  # type: ignore[call-overload]
        )
        command = [str(programs / "postgres"), "-D", str(folder / "data"), "-p", str(port), "-h", "127.0.0.1"]
        with process([*command, "-k", str(folder), "-c", "fsync=off"], folder / "log", **user, cwd=str(folder)):
            _until_listening(port)
            yield f"postgresql+psycopg://mlestar@127.0.0.1:{port}/postgres"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _until_listening(port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("PostgreSQL did not start")
