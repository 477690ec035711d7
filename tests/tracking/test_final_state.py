"""`final_state.json` and the run summary say what a run did under the agreed names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlestar.records.run import RunRecord, RunSummary
from mlestar.tracking.final_state import final_state, final_state_text
from mlestar.tracking.packing import PART_CHARACTERS, pack, unpack
from mlestar.tracking.summary import summarize
from tests.tracking.samples import a_brief, a_record, a_strategy, a_task


@pytest.fixture
def record(tmp_path: Path) -> RunRecord:
    brief = a_brief(a_task(tmp_path / "task"), strategy=a_strategy())
    return a_record(brief, 1.0, tmp_path)


def test_the_state_has_the_names_of_the_reference_systems(record: RunRecord, tmp_path: Path) -> None:
    state = final_state(record)
    assert state["run_id"] == "run_0"
    assert state["workspace_dir"] == str(tmp_path)
    assert state["best_score_so_far"] == 1.0
    assert state["train_code_0_1"] == "# init_1\nprint('init_1')\n"
    assert state["train_code_1_1"] == "# improve_0\nprint('improve_0')\n"
    assert state["ablation_summary_0_1"] == "The scaler matters most."
    assert state["refinement_plan_1"] == ["Add ratios."]
    assert state["ensemble_plan"] == ["Weigh them."]
    assert state["num_solutions"] == 2
    output = state["enhancer_output"]
    assert isinstance(output, dict)
    assert set(output) == {"strategic_summary", "config_overrides", "strategic_goals"}


def test_the_result_of_a_script_has_score_seconds_returncode_and_tails(record: RunRecord) -> None:
    result = json.loads(final_state_text(record))["train_code_exec_result_0_1"]
    assert result == {"score": 3.0, "seconds": 2.0, "returncode": 0, "stdout": "done", "stderr": "", "fault": None}


def test_a_cycle_that_brought_nothing_keeps_the_earlier_script(record: RunRecord) -> None:
    (solution,) = record.solutions
    (cycle,) = solution.refinements
    failed = cycle.attempts[0].model_copy(update={"trial": solution.candidates[1].trial, "gain": None})
    worse = solution.model_copy(update={"refinements": (cycle.model_copy(update={"attempts": (failed,)}),)})
    state = final_state(record.model_copy(update={"solutions": (worse,)}))
    assert state["train_code_1_1"] == state["train_code_0_1"]


def test_a_summary_tells_phases_candidates_components_attempts_and_faults(record: RunRecord) -> None:
    summary = summarize(record, engineer="playbook")
    assert [(phase.phase, phase.best_score, phase.failures) for phase in summary.phases] == [
        ("initialization", 3.0, 1),
        ("refinement", 2.0, 0),
        ("ensemble", 1.0, 0),
        ("submission", 1.0, 0),
    ]
    assert [(candidate.model, candidate.score) for candidate in summary.candidates] == [
        ("LightGBM", 3.0),
        ("Ridge", None),
    ]
    assert [(part.component, part.gain) for part in summary.components] == [("scaler", -2.0), ("log target", -0.5)]
    assert [(each.phase, each.focus, each.gain) for each in summary.attempts] == [
        ("refinement", "feature_engineering", 1.0),
        ("ensemble", "weighted_averaging", 1.0),
    ]
    assert summary.errors == ("ValueError: no",)


def test_a_summary_survives_its_tags(record: RunRecord) -> None:
    summary = summarize(record, engineer="playbook", best_path="ensemble/ensemble0.py")
    assert unpack(pack(summary)) == summary


def test_a_large_summary_takes_several_tags_that_every_store_takes(record: RunRecord) -> None:
    summary = summarize(record)
    long = tuple(summary.attempts[0].model_copy(update={"plan": str(hash((k, "plan"))) * 20}) for k in range(600))
    tags = pack(summary.model_copy(update={"attempts": long}))
    assert len(tags) > 2
    assert max(map(len, tags.values())) <= PART_CHARACTERS
    whole = unpack(tags)
    assert whole is not None
    assert whole.attempts == long


@pytest.mark.parametrize("damage", [{}, {"0": "many"}, {"0": "9"}, {"1": "not base64 \x00"}, {"1": "0000"}])
def test_damaged_tags_are_no_summary(record: RunRecord, damage: dict[str, str]) -> None:
    tags = pack(summarize(record)) if damage else {}
    prefix = "mlflow.mlestar.summary."
    found: RunSummary | None = unpack({**tags, **{prefix + key: value for key, value in damage.items()}})
    assert found is None
