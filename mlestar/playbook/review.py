"""Rules about a script that was just written: repair, leakage, use of the data."""

from __future__ import annotations

from collections.abc import Iterator

from mlestar.errors import BadAnswer
from mlestar.playbook.families import family_of
from mlestar.playbook.initialization import first_recipe, suited_families
from mlestar.playbook.recipe import (
    EncodingPart,
    ModelPart,
    ModelsPart,
    Recipe,
    parse,
    recipe_of,
    sections_of,
)
from mlestar.playbook.render import render, section_text
from mlestar.questions.answers import Code, DataUse, Leakage
from mlestar.questions.review import CheckDataUse, FindLeakage, MendLeakage, RepairScript, UseMoreData


def repair_script(question: RepairScript) -> Code:
    """The first of the mended scripts that is another one."""
    source = next((source for source in _mended(question) if source != question.script), None)
    if source is None:
        raise BadAnswer("the playbook knows no simpler form of this script")
    return Code(source=source)


def _mended(question: RepairScript) -> Iterator[str]:
    """The script as its recipe says, a simpler one, and at last, or for a foreign script, a new one."""
    recipe, given = parse(question.script), question.assignment
    if recipe is not None:
        yield render(recipe)
        yield render(_simpler(recipe, question.error))
    yield render(first_recipe(given, suited_families(given)[0]))


def _simpler(recipe: Recipe, error: str) -> Recipe:
    """Without the model the error names, or without everything a first script can do without."""
    named = [model for model in recipe.models.models if _is_named(model, error, recipe.data.kind == "regression")]
    rest = tuple(model for model in recipe.models.models if model not in named)
    if named and rest:
        later = tuple(name for name in recipe.training.later if name in {model.name for model in rest})
        training = recipe.training.model_copy(update={"later": later if len(later) < len(rest) else ()})
        return recipe.model_copy(
            update={"models": ModelsPart(models=rest), "training": training, "tuning": None, "stacking": None}
        )
    update = {"features": recipe.features.plain, "encoding": EncodingPart(), "tuning": None, "stacking": None}
    return recipe.model_copy(update=update)


def _is_named(model: ModelPart, error: str, regression: bool) -> bool:
    """Whether the error says the model's name, or its traceback passes the package that the model comes from."""
    family = family_of(model.name)
    *_, estimator = family.regression_imports if regression else family.classification_imports
    package = "/".join(estimator.split()[1].split(".")[:2]) + "/"
    single_file = package.removesuffix("/") + ".py"
    return model.name in error or model.name.replace("_", "") in error or package in error or single_file in error


def find_leakage(question: FindLeakage) -> Leakage:
    """None in what the playbook writes: everything is fitted inside the folds or without the target."""
    if parse(question.script) is None:
        return Leakage(leaks=False, reason="The playbook can judge only its own scripts; this one was not judged.")
    return Leakage(leaks=False, reason="Preparation is fitted on the rows a model learns from; test rows are not used.")


def mend_leakage(question: MendLeakage) -> Code:
    """The section as the recipe renders it."""
    recipe = recipe_of(question.script)
    for name, text in sections_of(question.script).items():
        if text.strip("\n") == question.block.strip("\n"):
            return Code(source=section_text(recipe, name))
    raise BadAnswer("the playbook rewrites whole sections only; the block is none of the script's sections")


def check_data_use(question: CheckDataUse) -> DataUse:
    """Whether columns that hold information are left out."""
    recipe = parse(question.script)
    if recipe is None:
        return DataUse(complete=True)
    useful = {c.name for c in question.assignment.profile.columns if c.kind not in ("identifier", "constant")}
    unused = sorted(useful & set(recipe.data.drop))
    return DataUse(complete=not unused, unused=", ".join(unused))


def use_more_data(question: UseMoreData) -> Code:
    """The script with all columns that hold information."""
    recipe = recipe_of(question.script)
    useful = {c.name for c in question.assignment.profile.columns if c.kind not in ("identifier", "constant")}
    drop = tuple(name for name in recipe.data.drop if name not in useful)
    return Code(source=render(recipe.model_copy(update={"data": recipe.data.model_copy(update={"drop": drop})})))
