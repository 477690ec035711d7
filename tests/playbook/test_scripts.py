from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from mlestar.playbook.ensemble import write_ensemble
from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe, with_models
from mlestar.playbook.recipe import ModelPart, recipe_of
from mlestar.playbook.render import render
from mlestar.questions.ensemble import WriteEnsemble
from mlestar.records.task import Metric, TaskKind
from tests.playbook.tables import assignment, execute


@pytest.mark.parametrize("kind", ["regression", pytest.param("binary", marks=pytest.mark.slow), "multiclass"])
def test_a_stacked_ensemble_predicts_every_row_of_the_test(kind: TaskKind, tmp_path: Path) -> None:
    given = assignment(kind, rows=60, seconds=5)
    question = WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")
    submission = execute(write_ensemble(question).source, given, tmp_path, seconds=5)
    assert list(submission.columns) == ["Id", *given.submission.columns]
    assert len(submission) == 12
    assert np.isfinite(submission[list(given.submission.columns)].to_numpy()).all()


@pytest.mark.parametrize("seconds", [5, 20])
def test_later_models_are_trained_when_time_is_left(seconds: int, tmp_path: Path) -> None:
    given = assignment(rows=200, seconds=4).model_copy(update={"final_seconds": 60.0})
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="weighted_averaging", plan="")).source
    assert len(execute(source, given, tmp_path, seconds=seconds)) == 12


def test_a_short_time_gives_a_small_ensemble_that_keeps_to_it(tmp_path: Path) -> None:
    given = assignment(rows=200, seconds=4)
    source = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")).source
    assert len(recipe_of(source).model_names) < 10
    began = time.monotonic()
    execute(source, given, tmp_path, seconds=8)
    assert time.monotonic() - began < 16


def test_labels_are_written_where_the_metric_needs_labels(tmp_path: Path) -> None:
    given = assignment("multiclass", Metric(name="accuracy", direction="maximize", needs="labels"))
    submission = execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert set(submission["grade"]) <= {"a", "b", "c"}


def test_one_column_for_each_class_holds_probabilities_that_sum_to_one(tmp_path: Path) -> None:
    given = assignment("binary", columns_per_class=True)
    submission = execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert submission[["no", "yes"]].sum(axis=1).to_numpy() == pytest.approx(1.0)


def test_a_single_column_holds_the_probability_of_the_second_class(tmp_path: Path) -> None:
    given = assignment("binary")
    submission = execute(render(first_recipe(given, FAMILIES["linear"])), given, tmp_path)
    assert submission["dear"].between(0, 1).all()
    assert submission["dear"].max() > 0.5


def test_a_script_gives_the_same_file_twice_when_time_is_generous(tmp_path: Path) -> None:
    given = assignment("regression")
    script = render(with_models(first_recipe(given, FAMILIES["lightgbm"]), (ModelPart(name="extra_trees"),)))
    first, second = (execute(script, given, tmp_path / name) for name in ("first", "second"))
    assert first.equals(second)
