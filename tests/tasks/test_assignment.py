from __future__ import annotations

from importlib import metadata
from pathlib import Path

from mlestar.records.settings import Settings
from mlestar.tasks.assignment import assignment_for
from mlestar.tasks.load import load_task
from tests.tasks.folders import houses


def test_an_assignment_tells_the_task_and_the_conditions(tmp_path: Path) -> None:
    assignment = assignment_for(load_task(houses(tmp_path)), Settings(seed=7), threads=2, script_seconds=30)
    assert (assignment.target, assignment.threads, assignment.script_seconds, assignment.seed) == ("price", 2, 30, 7)
    assert f"pandas {metadata.version('pandas')}" in assignment.libraries


def test_an_assignment_tells_no_place_on_this_machine(tmp_path: Path) -> None:
    assignment = assignment_for(load_task(houses(tmp_path)), Settings(), threads=1, script_seconds=30)
    assert str(tmp_path) not in assignment.model_dump_json()
