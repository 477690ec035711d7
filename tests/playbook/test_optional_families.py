from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe, suited_families, with_models
from mlestar.playbook.optional_families import OPTIONAL
from mlestar.playbook.recipe import ModelPart, parse
from mlestar.playbook.render import render
from mlestar.records.task import TaskKind
from tests.playbook.tables import assignment, execute

NAMES = tuple(family.name for family in OPTIONAL)


def suited(kind: TaskKind, *libraries: str, class_shares: tuple[float, ...] = ()) -> set[str]:
    given = assignment(kind).model_copy(update={"libraries": libraries})
    profile = given.profile.model_copy(update={"class_shares": class_shares})
    given = given.model_copy(update={"profile": profile})
    return {family.name for family in suited_families(given)} & set(NAMES)


def test_they_are_suited_only_where_scripts_can_import_them() -> None:
    assert suited("regression", "numpy 2.0", "lightgbm 4.6") == set()
    assert suited("regression", "catboost 1.2.8") == {"catboost"}
    assert suited("regression", "catboost 1.2.8", "xgboost-cpu 3.0") == {"catboost", "xgboost"}


def test_xgboost_needs_every_class_in_every_fold() -> None:
    assert suited("multiclass", "xgboost 3.0", class_shares=(0.5, 0.4, 0.1)) == set()
    assert suited("multiclass", "xgboost 3.0", class_shares=(0.4, 0.3, 0.3)) == {"xgboost"}


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
@pytest.mark.parametrize("name", NAMES)
def test_they_are_written_as_code_that_reads_back(kind: TaskKind, name: str) -> None:
    recipe = first_recipe(assignment(kind), FAMILIES[name])
    source = render(with_models(recipe, (ModelPart(name="lightgbm"), ModelPart(name="linear"))))
    compile(source, "solution.py", "exec")
    parsed = parse(source)
    assert parsed is not None
    assert parsed.model_names == (name, "lightgbm", "linear")


@pytest.mark.parametrize("kind", ["regression", "multiclass"])
@pytest.mark.parametrize("name", NAMES)
def test_their_scripts_predict_every_row(kind: TaskKind, name: str, tmp_path: Path) -> None:
    if find_spec(name) is None:
        pytest.skip(f"{name} is not installed here")
    given = assignment(kind, rows=120)
    submission = execute(render(first_recipe(given, FAMILIES[name])), given, tmp_path, model_file="final/model.pkl")
    assert len(submission) == 12
    assert np.isfinite(submission[list(given.submission.columns)].to_numpy()).all()
    assert (tmp_path / "final/model.pkl").is_file()
