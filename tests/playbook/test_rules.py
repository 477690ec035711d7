from __future__ import annotations

import pytest

from mlestar.errors import BadAnswer
from mlestar.playbook.ensemble import plan_ensemble, write_ensemble
from mlestar.playbook.families import FAMILIES, family_of
from mlestar.playbook.initialization import first_recipe, merge_scripts, retrieve_models, write_candidate
from mlestar.playbook.large import is_large
from mlestar.playbook.metrics import known_metric, written
from mlestar.playbook.moves import MOVES
from mlestar.playbook.recipe import MetricPart, ModelPart, parse, recipe_of
from mlestar.playbook.refinement import propose_variations
from mlestar.playbook.render import render
from mlestar.playbook.review import check_data_use, repair_script
from mlestar.questions.blocks import block_fault
from mlestar.questions.ensemble import PlanEnsemble, ScoredScript, WriteEnsemble
from mlestar.questions.initialization import MergeScripts, RetrieveModels, WriteCandidate
from mlestar.questions.refinement import PlanOutcome, ProposeVariations, StudiedComponent
from mlestar.questions.review import CheckDataUse, RepairScript
from mlestar.records.metrics import METRICS
from mlestar.records.solution import ModelIdea
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment
from tests.playbook.tables import assignment

GIVEN = assignment()


def script(*models: str) -> str:
    recipe = first_recipe(GIVEN, FAMILIES[models[0]])
    return render(recipe.model_copy(update={"models": recipe.models.model_copy(update={"models": parts(*models)})}))


def parts(*models: str) -> tuple[ModelPart, ...]:
    return tuple(ModelPart(name=name) for name in models)


def retrieved(**told: object) -> list[str]:
    question = RetrieveModels(assignment=GIVEN, summary="", count=2).model_copy(update=told)
    return [idea.name for idea in retrieve_models(question).models]


def test_a_second_solution_uses_other_kinds_of_models() -> None:
    first = retrieved()
    second = retrieved(taken=tuple(first))
    assert not set(first) & set(second)
    assert not any("LightGBM" in name for name in second)


def test_a_goal_names_the_family_to_start_with() -> None:
    goal = Goal(target_agent_phase="initialization", focus="model", priority=1, rationale="try a neural network")
    assert retrieved(goals=(goal,))[0] == "Neural network"


def test_every_retrieved_model_can_be_written() -> None:
    for idea in retrieve_models(RetrieveModels(assignment=GIVEN, summary="", count=8)).models:
        assert write_candidate(WriteCandidate(assignment=GIVEN, summary="", idea=idea)).source


def test_an_unknown_model_is_a_bad_answer_that_names_those_known() -> None:
    idea = ModelIdea(name="Quantum forest")
    with pytest.raises(BadAnswer, match=r"Quantum forest.*LightGBM"):
        write_candidate(WriteCandidate(assignment=GIVEN, summary="", idea=idea))


def test_a_merge_holds_the_models_of_both_scripts() -> None:
    merged = merge_scripts(MergeScripts(assignment=GIVEN, base=script("lightgbm"), addition=script("linear", "svm")))
    assert recipe_of(merged.source).model_names == ("lightgbm", "linear", "svm")


def test_variations_stand_on_blocks_that_occur_once_and_give_scripts_with_a_recipe() -> None:
    source = script("lightgbm", "linear")
    variations = propose_variations(ProposeVariations(assignment=GIVEN, script=source, count=9)).variations
    assert len(variations) >= 3
    for variation in variations:
        assert block_fault(source, variation.block) is None
        assert parse(source.replace(variation.block, variation.replacement)) not in (None, recipe_of(source))


def test_what_was_studied_is_not_varied_again() -> None:
    source = script("lightgbm", "linear")
    first = propose_variations(ProposeVariations(assignment=GIVEN, script=source)).variations
    studied = tuple(StudiedComponent(component=v.component, change=v.change, gain=0.0) for v in first)
    again = propose_variations(ProposeVariations(assignment=GIVEN, script=source, studied=studied)).variations
    assert not {(v.component, v.change) for v in first} & {(v.component, v.change) for v in again}


def test_a_lone_script_is_never_averaged_with_itself() -> None:
    scored = (ScoredScript(source=script("linear"), score=1.0, seconds=1.0),)
    goal = Goal(target_agent_phase="ensemble", focus="simple_averaging", priority=1)
    tried: tuple[PlanOutcome, ...] = ()
    for _ in range(3):
        plan = plan_ensemble(PlanEnsemble(assignment=GIVEN, scripts=scored, goal=goal, earlier=tried))
        assert plan.focus in ("stacking", "weighted_averaging")
        tried += (PlanOutcome(focus=plan.focus, plan=plan.plan, score=1.0, gain=0.0, seconds=1.0),)


def test_the_ensemble_goal_is_followed_first_and_then_other_ways() -> None:
    scored = tuple(ScoredScript(source=script(name), score=1.0, seconds=1.0) for name in ("linear", "lightgbm"))
    goal = Goal(target_agent_phase="ensemble", focus="simple_averaging", priority=1)
    first = plan_ensemble(PlanEnsemble(assignment=GIVEN, scripts=scored, goal=goal))
    outcome = PlanOutcome(focus=first.focus, plan=first.plan, score=1.0, gain=0.0, seconds=1.0)
    second = plan_ensemble(PlanEnsemble(assignment=GIVEN, scripts=scored, goal=goal, earlier=(outcome,)))
    assert (first.focus, second.focus != first.focus) == ("simple_averaging", True)


def test_a_simple_average_holds_the_models_of_all_solutions_and_no_others() -> None:
    scored = tuple(ScoredScript(source=script(name), score=1.0, seconds=1.0) for name in ("linear", "svm"))
    code = write_ensemble(WriteEnsemble(assignment=GIVEN, scripts=scored, focus="simple_averaging", plan=""))
    assert recipe_of(code.source).model_names == ("linear", "svm")


def test_one_model_under_two_names_is_trained_once() -> None:
    given = assignment(rows=400, seconds=60)
    scored = (ScoredScript(source=render(first_recipe(given, FAMILIES["svm"])), score=1.0, seconds=1.0),)
    code = write_ensemble(WriteEnsemble(assignment=given, scripts=scored, focus="weighted_averaging", plan=""))
    models = recipe_of(code.source).models.models
    fed = [model.table or family_of(model.name).table for model in models if "svm" in model.name]
    assert sorted(fed) == ["enriched_scaled", "scaled"]


def test_more_models_are_kept_for_a_submission_that_has_more_time() -> None:
    given = assignment(rows=2000, seconds=4)
    question = WriteEnsemble(assignment=given, scripts=(), focus="weighted_averaging", plan="")
    short = recipe_of(write_ensemble(question).source)
    longer = given.model_copy(update={"final_seconds": 40.0})
    long = recipe_of(write_ensemble(question.model_copy(update={"assignment": longer})).source)
    assert short.training.later == ()
    assert long.training.later
    assert long.model_names == (*short.model_names, *long.training.later)


def test_an_ensemble_of_foreign_scripts_is_made_of_the_playbooks_own_models() -> None:
    scored = (ScoredScript(source="print(1)", score=1.0, seconds=1.0),)
    code = write_ensemble(WriteEnsemble(assignment=GIVEN, scripts=scored, focus="weighted_averaging", plan=""))
    assert "lightgbm" in recipe_of(code.source).model_names


def test_a_script_that_was_changed_by_hand_is_mended_from_its_recipe() -> None:
    whole = script("linear")
    question = RepairScript(assignment=GIVEN, script=whole.replace("SEED = 7", "SEED ="), error="SyntaxError")
    assert repair_script(question).source == whole


def test_a_model_that_fails_is_left_out() -> None:
    question = RepairScript(assignment=GIVEN, script=script("linear", "svm"), error="ValueError in svm: bad input")
    assert recipe_of(repair_script(question).source).model_names == ("linear",)


def test_a_foreign_script_that_fails_is_replaced() -> None:
    assert recipe_of(repair_script(RepairScript(assignment=GIVEN, script="1 / 0", error="x")).source).model_names


def test_columns_that_hold_information_are_used() -> None:
    assert check_data_use(CheckDataUse(assignment=GIVEN, script=script("linear"))).complete


@pytest.mark.parametrize("name", [metric.name for metric in METRICS])
def test_scripts_compute_every_metric_that_is_known_by_name(name: str) -> None:
    metric = next(metric for metric in METRICS if metric.name == name)
    part = MetricPart(name=metric.name, direction=metric.direction, needs=metric.needs)
    assert known_metric(part)
    compile("\n".join([*written(part).imports, "def score(truth, prediction):", *_indented(part)]), name, "exec")


def _indented(part: MetricPart) -> list[str]:
    return [f"    {line}" for line in written(part).lines]


def large(rows: int, seconds: float = 60.0) -> Assignment:
    """A table of so many rows and sixty columns."""
    given = assignment(seconds=seconds)
    numbers = tuple(given.profile.columns[1].model_copy(update={"name": f"number {place}"}) for place in range(60))
    profile = given.profile.model_copy(update={"train_rows": rows, "columns": numbers})
    return given.model_copy(update={"profile": profile})


@pytest.mark.parametrize(("rows", "held_out"), [(5_000, 0), (40_000, 0), (200_000, 20_000), (1_000_000, 30_000)])
def test_held_out_rows_judge_the_models_of_a_large_table(rows: int, held_out: int) -> None:
    given = large(rows)
    question = WriteEnsemble(assignment=given, scripts=(), focus="stacking", plan="")
    for recipe in (first_recipe(given, FAMILIES["lightgbm"]), recipe_of(write_ensemble(question).source)):
        assert recipe.training.held_out == held_out
        assert recipe.data.fast == (held_out > 0)
        assert recipe.training.rows < rows - held_out
        assert parse(render(recipe)) == recipe


def test_more_time_lets_more_models_learn_from_a_large_table() -> None:
    def models(seconds: float) -> tuple[str, ...]:
        question = WriteEnsemble(assignment=large(1_000_000, seconds), scripts=(), focus="weighted_averaging", plan="")
        return recipe_of(write_ensemble(question).source).model_names

    assert set(models(20.0)) == {"lightgbm", "linear"}
    assert {"lightgbm", "linear", "lightgbm_random"} < set(models(3600.0))


def test_a_table_is_as_large_as_its_time_is_short() -> None:
    assert is_large(large(100_000, 20.0))
    assert not is_large(large(100_000, 2000.0))
    assert is_large(large(1_000_000, 20_000.0))


def test_folds_are_not_varied_where_there_are_none() -> None:
    source = render(first_recipe(large(1_000_000), FAMILIES["lightgbm"]))
    question = ProposeVariations(assignment=large(1_000_000), script=source, count=9)
    assert "training" not in {variation.component for variation in propose_variations(question).variations}
    assert not [
        move.plan for move in MOVES if move.section == "training" and move.fits(recipe_of(source), question.assignment)
    ]


def of_classes(count: int, *, rarest: float = 0.1) -> tuple[str, ...]:
    """The models of the ensemble of a table of a thousand rows and this many classes."""
    given = assignment("multiclass", rows=1000)
    classes = tuple(f"class {number}" for number in range(count))
    given = given.model_copy(
        update={
            "submission": given.submission.model_copy(update={"classes": classes, "columns": classes}),
            "profile": given.profile.model_copy(update={"class_shares": (rarest, 1 - rarest)}),
        }
    )
    question = WriteEnsemble(assignment=given, scripts=(), focus="weighted_averaging", plan="")
    recipe = recipe_of(write_ensemble(question).source)
    assert (recipe.features.neighbours, "svm_enriched" in recipe.model_names) == (count <= 3,) * 2
    return recipe.model_names


def test_boosting_many_classes_leaves_time_for_what_is_cheap() -> None:
    given = assignment("multiclass", rows=5000, seconds=4)
    classes = tuple(f"class {number}" for number in range(30))
    many = given.model_copy(
        update={"submission": given.submission.model_copy(update={"classes": classes, "columns": classes})}
    )
    boosted = ScoredScript(source=render(first_recipe(many, FAMILIES["lightgbm"])), score=1.0, seconds=1.0)
    question = WriteEnsemble(assignment=many, scripts=(boosted,), focus="weighted_averaging", plan="")
    recipe = recipe_of(write_ensemble(question).source)
    at_once = [name for name in recipe.model_names if name not in recipe.training.later]
    assert at_once[-1] == "lightgbm", "it takes the time that the others leave"
    assert "linear" in at_once


def test_features_are_fitted_for_few_classes_only_and_no_model_is_there_twice_without_them() -> None:
    assert "lightgbm" in of_classes(3)
    many = of_classes(10)
    assert "lightgbm" in many
    assert "lightgbm_2" not in many


def test_gaussians_of_each_class_need_rows_of_each_class() -> None:
    assert "quadratic_discriminant" in of_classes(3)
    assert "quadratic_discriminant" not in of_classes(3, rarest=0.01)


def test_boosting_many_classes_takes_longer() -> None:
    seconds = {name: [family.seconds(1000, 50, classes) for classes in (2, 10)] for name, family in FAMILIES.items()}
    assert all(many > few for few, many in (seconds["lightgbm"], seconds["hist_boosting"]))
    assert seconds["linear"][0] == seconds["linear"][1]


def test_a_table_of_many_rows_gets_fitted_features_only_with_time_for_them() -> None:
    def fitted(rows: int, seconds: float) -> bool:
        given = assignment(rows=rows, seconds=seconds)
        code = write_ensemble(WriteEnsemble(assignment=given, scripts=(), focus="weighted_averaging", plan=""))
        return recipe_of(code.source).features.fitted

    assert [fitted(1000, 10), fitted(40_000, 10), fitted(40_000, 200)] == [True, False, True]
