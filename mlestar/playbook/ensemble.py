"""Rules of the third phase: one script that combines all solutions."""

from __future__ import annotations

from mlestar.playbook.families import SECOND_LAYER, Family, family_of
from mlestar.playbook.initialization import first_folds, first_model, first_recipe, suited_families, with_models
from mlestar.playbook.metrics import metric_key
from mlestar.playbook.recipe import (
    EnsemblePart,
    ModelPart,
    ModelsPart,
    Recipe,
    SetupPart,
    StackingPart,
    SubmissionPart,
    TrainingPart,
    parse,
)
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
    present = {family_of(model.name).name for model in recipe.models.models}
    wanted = [f for f in suited_families(given) if f.name not in present or f.table == "native"]
    more = tuple(_library_model(given, family) for family in wanted)
    recipe = _cheapest_first(with_models(recipe, more))
    deep = StackingPart(models=tuple(ModelPart(name=family.name) for family in SECOND_LAYER))
    stacked = question.focus == "stacking" and given.profile.train_rows <= STACKED_ROWS
    update = {
        "features": recipe.features.model_copy(update={"ratios": 40, "neighbours": True}),
        "training": TrainingPart(folds=_folds(given), reserve=stacked),
        "stacking": deep if stacked else None,
        "ensemble": EnsemblePart(method="greedy", repeats=6),
        "submission": _calibrated(recipe),
    }
    return Code(source=render(recipe.model_copy(update=update)))


STACKED_ROWS = 60_000
"""Second layers of forests take too long on more rows."""


def _folds(given: Assignment) -> int:
    """More folds than a single model gets: every model sees more rows, and weights are chosen on better predictions."""
    rows = given.profile.train_rows
    return 8 if rows <= 20_000 else 5 if rows <= 50_000 else first_folds(rows)


def _library_model(given: Assignment, family: Family) -> ModelPart:
    """A family as it is, so that some models see fitted features and others do not."""
    return first_model(given, family).model_copy(update={"table": None})


def _calibrated(recipe: Recipe) -> SubmissionPart:
    """Probabilities with one exponent chosen out of fold, where the metric looks at how sure they are."""
    sure = metric_key(recipe.metric.name) in ("logloss", "brier")
    return recipe.submission.model_copy(update={"post": "temperature"}) if sure else recipe.submission


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
    merged = recipes[0].model_copy(update={"setup": SetupPart(seed=given.seed, threads=given.threads)})
    if merged.tuning is not None:
        merged = merged.model_copy(update={"tuning": merged.tuning.model_copy(update={"share": 0.2})})
    for other in recipes[1:]:
        merged = with_models(merged, other.models.models)
    return merged
