"""Whether the process that wrote a run is still alive."""

from __future__ import annotations

import subprocess
import sys

from mlestar.tracking.processes import STARTED, is_dead, process_tags


def test_this_process_is_alive() -> None:
    assert not is_dead(process_tags())


def test_a_process_that_ended_is_dead() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_dead({**process_tags(), "pid": str(ended.pid)})


def test_a_pid_that_was_given_to_another_process_is_dead() -> None:
    assert is_dead({**process_tags(), STARTED: "1"})


def test_a_process_of_another_host_may_be_alive() -> None:
    assert not is_dead({**process_tags(), "host": "elsewhere", "pid": "1"})
    assert not is_dead({})
