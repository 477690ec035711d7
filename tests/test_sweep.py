"""A sweep that is told to end tells its points."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from mlestar.sweep import REPORTS_VARIABLE, end_points

POINT = """
import signal, sys, time
from mlestar.sweep import point_at_work

def closed(number, frame):
    raise SystemExit(7)

signal.signal(signal.SIGTERM, closed)
with point_at_work():
    time.sleep(200)
"""


def test_points_of_other_processes_end_in_their_own_way_before_the_sweep_does(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    environment = {**os.environ, REPORTS_VARIABLE: str(file)}
    with subprocess.Popen([sys.executable, "-c", POINT], env=environment) as point:
        while not list(tmp_path.iterdir()):
            assert point.poll() is None
            time.sleep(0.05)
        end_points(file, seconds=60)
        assert list(tmp_path.iterdir()) == []
        assert point.wait(60) == 7


def test_a_point_that_is_gone_is_not_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "reports.jsonl"
    with subprocess.Popen([sys.executable, "-c", POINT], env={**os.environ, REPORTS_VARIABLE: str(file)}) as point:
        while not list(tmp_path.iterdir()):
            assert point.poll() is None
            time.sleep(0.05)
        point.send_signal(signal.SIGKILL)
    began = time.monotonic()
    end_points(file, seconds=100)
    assert time.monotonic() - began < 50
