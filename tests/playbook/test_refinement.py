"""Refining a script whose parameters are searched: the search stays one, and keeps a model to search for."""

from __future__ import annotations

from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe, with_models
from mlestar.playbook.moves import MOVES
from mlestar.playbook.recipe import ModelPart, TuningPart, recipe_of, sections_of
from mlestar.playbook.refinement import propose_variations, write_block
from mlestar.playbook.render import render
from mlestar.questions.refinement import ProposeVariations, WriteBlock
from tests.playbook.tables import assignment

GIVEN = assignment()


def tuned_script() -> str:
    """LightGBM, searched, beside a linear model."""
    recipe = with_models(first_recipe(GIVEN, FAMILIES["lightgbm"]), (ModelPart(name="linear"),))
    return render(recipe.model_copy(update={"tuning": TuningPart(model="lightgbm")}))


def test_the_search_is_not_written_twice_when_the_models_change() -> None:
    script = tuned_script()
    block = sections_of(script)["models"]
    move = next(move for move in MOVES if move.focus == "model_change")
    question = WriteBlock(assignment=GIVEN, script=script, block=block, focus=move.focus, plan=move.plan)
    assert "[tuning]" not in write_block(question).source
    assert recipe_of(script.replace(block, write_block(question).source)).tuning == TuningPart(model="lightgbm")


def test_the_model_that_is_searched_is_never_left_out() -> None:
    script = tuned_script()
    proposed = propose_variations(ProposeVariations(assignment=GIVEN, script=script, count=20)).variations
    assert "model linear" in {variation.component for variation in proposed}
    for variation in proposed:
        recipe = recipe_of(script.replace(variation.block, variation.replacement))
        assert recipe.tuning is not None
        assert recipe.tuning.model in recipe.model_names
        assert variation.replacement.count("[tuning]") <= variation.block.count("[tuning]")
