"""Rules of the third phase: one script that combines all solutions."""

from __future__ import annotations

from mlestar.playbook.families import SECOND_LAYER, family_of
from mlestar.playbook.initialization import first_recipe, suited_families, with_models
from mlestar.playbook.recipe import EnsemblePart, ModelPart, ModelsPart, Recipe, StackingPart, TrainingPart, parse
from mlestar.playbook.render import render
from mlestar.questions.answers import Code, Idea
from mlestar.questions.ensemble import PlanEnsemble, ScoredScript, WriteEnsemble
from mlestar.records.task import Assignment, Metric

PLANS: dict[str, str] = {
    "weighted_averaging": "Train every suitable family beside the solutions' models and weight them by greedy "
    "selection on their out-of-fold predictions.",
    "stacking": "Train a second layer on the out-of-fold predictions and weight both layers.",
    "simple_averaging": "Train the solutions' models side by side and average their predictions.",
}


def plan_ensemble(question: PlanEnsemble) -> Idea:
    """The goal's focus first, then the ways that were not tried yet."""
    tried = [outcome.focus for outcome in question.earlier]
    wished = [question.goal.focus] if question.goal is not None and question.goal.focus in PLANS else []
    order = [focus for focus in (*wished, *PLANS) if focus not in tried] or list(PLANS)
    return Idea(focus=order[0], plan=PLANS[order[0]])


def write_ensemble(question: WriteEnsemble) -> Code:
    """The best solution's script with the models of all; by weights and stacking also every other suitable family."""
    given = question.assignment
    recipe = _merged(question.scripts, given)
    if question.focus == "simple_averaging":
        return Code(source=render(recipe))
    present = {model.name for model in recipe.models.models}
    more = tuple(ModelPart(name=f.name) for f in suited_families(given) if f.name not in present)
    recipe = _cheapest_first(with_models(recipe, more))
    features = recipe.features.model_copy(update={"ratios": 40, "neighbours": True})
    deep = StackingPart(models=tuple(ModelPart(name=family.name) for family in SECOND_LAYER))
    update = {
        "features": features,
        "training": TrainingPart(folds=8, reserve=question.focus == "stacking"),
        "stacking": deep if question.focus == "stacking" else None,
        "ensemble": EnsemblePart(method="greedy", repeats=6),
    }
    return Code(source=render(recipe.model_copy(update=update)))


def _cheapest_first(recipe: Recipe) -> Recipe:
    """Many cheap models before few dear ones, so that time that is short still gives a mixture."""
    models = sorted(recipe.models.models, key=lambda model: family_of(model.name).cost)
    return recipe.model_copy(update={"models": ModelsPart(models=tuple(models))})


def _merged(scripts: tuple[ScoredScript, ...], given: Assignment) -> Recipe:
    """The recipe of the best script that has one, with the models of the others."""
    metric: Metric = given.metric
    recipes = [recipe for script in metric.ranked(scripts) if (recipe := parse(script.source)) is not None]
    if not recipes:
        return first_recipe(given, suited_families(given)[0])
    merged = recipes[0]
    for other in recipes[1:]:
        merged = with_models(merged, other.models.models)
    return merged
