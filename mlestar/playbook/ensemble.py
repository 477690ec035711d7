"""Rules of the third phase: one script that combines all solutions."""

from __future__ import annotations

from mlestar.playbook.changes import SHARED_TUNING
from mlestar.playbook.families import family_of
from mlestar.playbook.family import Family
from mlestar.playbook.initialization import (
    first_model,
    first_recipe,
    most_folds,
    possible_folds,
    suited_families,
    with_models,
)
from mlestar.playbook.large import is_large
from mlestar.playbook.large_ensemble import for_large_table
from mlestar.playbook.model_parts import FITTED, alike, calibrated, fit_seconds, numbered, plain_table_of
from mlestar.playbook.recipe import (
    EnsemblePart,
    ModelPart,
    ModelsPart,
    Recipe,
    SetupPart,
    StackingPart,
    TrainingPart,
    TuningPart,
    parse,
)
from mlestar.playbook.render import render
from mlestar.playbook.tree_families import SECOND_LAYER
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
    """The goal's focus first, then the ways that were not tried yet; two layers only where there is time for both."""
    tried = [outcome.focus for outcome in question.earlier]
    wished = [question.goal.focus] if question.goal is not None and question.goal.focus in PLANS else []
    usual = ["weighted_averaging", "stacking", "simple_averaging"]
    if _time_for_two_layers(question.assignment):
        usual = ["stacking", "weighted_averaging", "simple_averaging"]
    if len(question.scripts) < 2:
        usual.remove("simple_averaging")  # that would be the script itself
    order = [focus for focus in (*wished, *usual) if focus in usual and focus not in tried] or usual
    return Idea(focus=order[0], plan=PLANS[order[0]])


def _time_for_two_layers(given: Assignment) -> bool:
    """Whether the first layer can have ten models, the time of the second set aside."""
    models, folds = _planned((), given, 0.6)
    return given.profile.train_rows <= STACKED_ROWS and len(models) >= 10 and folds >= 5


def write_ensemble(question: WriteEnsemble) -> Code:
    """The best solution's script with the models of all; by weights and stacking also every other suitable family."""
    given = question.assignment
    recipe = _merged(question.scripts, given)
    if question.focus == "simple_averaging":
        return Code(source=render(recipe))
    if is_large(given):
        return Code(source=render(for_large_table(recipe, given)))
    stacked = question.focus == "stacking" and given.profile.train_rows <= STACKED_ROWS
    share = 0.6 if stacked else 0.85
    models, folds = _planned(recipe.models.models, given, share)
    later = _later(models, given, folds, share)
    stacked, fitted = stacked and len(models) > 2, _fits_features(given) and len(models) > 2
    deep = StackingPart(models=tuple(ModelPart(name=family.name) for family in SECOND_LAYER))
    update = {
        "features": recipe.features.model_copy(update=FITTED if fitted else {}),
        "models": ModelsPart(models=(*models, *later)),
        "tuning": _tuning(recipe, (*models, *later)),
        "training": TrainingPart(folds=folds, reserve=stacked, later=tuple(model.name for model in later)),
        "stacking": deep if stacked else None,
        "ensemble": EnsemblePart(method="greedy", repeats=6),
        "submission": calibrated(recipe),
    }
    return Code(source=render(recipe.model_copy(update=update)))


def _tuning(recipe: Recipe, models: tuple[ModelPart, ...]) -> TuningPart | None:
    """The search of a model's parameters under the name that it has now; none where it is left out."""
    search = recipe.tuning
    if search is None:
        return None
    searched = [(family_of(m.name), m.params) for m in recipe.models.models if m.name == search.model]
    kept = [m.name for m in models if (family_of(m.name), m.params) in searched]
    return search.model_copy(update={"model": kept[0]}) if kept else None


FITTED_ROWS = 200_000
"""Fitted features take too long, and too much memory, on more rows."""
FITTED_SECONDS_SHARE = 0.35
"""Nor are features fitted where a boosted model that is fed them would take more of the time on three folds."""
FITTED_CLASSES = 3
"""With more classes the fitted features, some for each class, cost more than they bring."""
STACKED_ROWS = 60_000
"""Second layers of forests take too long on more rows."""
START_SECONDS = 1.5
"""What a script takes before the first fit and after the last, its libraries imported already."""
FEW_MODELS = 7
"""So many models are worth more than eight folds in place of five; two fewer are worth more than five."""
LIBRARY: tuple[str, ...] = (
    "linear",
    "lightgbm_enriched",
    "svm",
    "elastic_net",
    "lightgbm",
    "catboost",
    "text_linear",
    "text_bayes",
    "discriminant",
    "quadratic_discriminant",
    "svm_enriched",
    "neighbours",
    "neural_network",
    "lightgbm_enriched_random",
    "extra_trees",
    "lightgbm_small",
    "lightgbm_random",
    "gaussian_process",
    "xgboost",
    "hist_boosting",
    "random_forest",
)
"""In the order in which they are worth their time beside the models before them."""


def _fits_features(given: Assignment) -> bool:
    """Whether features are fitted for models."""
    if given.profile.train_rows > FITTED_ROWS or is_large(given) or _many_classes(given):
        return False
    needed = 3 * fit_seconds(ModelPart(name="lightgbm_enriched"), given)
    return needed <= FITTED_SECONDS_SHARE * _seconds_of_threads(given)


def _seconds_of_threads(given: Assignment) -> float:
    """What all threads of a script have together for fits."""
    return max(given.script_seconds - START_SECONDS, 1.0) * given.threads


def _many_classes(given: Assignment) -> bool:
    return len(given.submission.classes) > FITTED_CLASSES


TWINS = ("lightgbm", "svm")
"""These are worth their time both with and without fitted features."""


def _planned(models: tuple[ModelPart, ...], given: Assignment, share: float) -> tuple[tuple[ModelPart, ...], int]:
    """The models and the number of folds for which this share of the time will do; fewer folds before few models."""
    seconds = share * _seconds_of_threads(given)
    rows = given.profile.train_rows
    most = min(8 if rows <= 20_000 else most_folds(rows), possible_folds(given))
    for folds, few in ((most, FEW_MODELS), (min(most, 5), FEW_MODELS - 2), (min(most, 3), 0)):
        planned = _affordable(models, given, seconds / folds)
        if len(planned) >= few:
            break
    return planned, folds


def _later(models: tuple[ModelPart, ...], given: Assignment, folds: int, share: float) -> tuple[ModelPart, ...]:
    """What there is time for beside the models when the script makes the submission."""
    if given.final_seconds is None or given.final_seconds <= given.script_seconds:
        return ()
    seconds = share * (given.final_seconds - START_SECONDS) * given.threads
    more = _affordable(models, given, seconds / folds)
    fresh = [model for model in more if not any(alike(model, known) for known in models)]
    return numbered([*models, *fresh])[len(models) :]


def _affordable(models: tuple[ModelPart, ...], given: Assignment, seconds: float) -> tuple[ModelPart, ...]:
    """The solutions' models, then the library in its order, as many as one fold of all can be fitted in time."""
    suited = {family.name: family for family in suited_families(given)}
    present = {family_of(model.name).name for model in models}
    if not _fits_features(given):
        suited.pop("svm_enriched", None)
        models = tuple(model.model_copy(update={"table": plain_table_of(model)}) for model in models)
    more = [name for name in LIBRARY if name in suited and (name not in present or name in TWINS)]
    library = [_library_model(given, suited[name]) for name in more]
    if _many_classes(given):
        # Boosting grows trees for each class: what is cheap comes first.
        library.sort(key=lambda model: fit_seconds(model, given))
    wanted = [*models, *library]
    chosen: list[ModelPart] = []
    for model in wanted:
        needed = fit_seconds(model, given)
        if needed <= seconds and not any(alike(model, other) for other in chosen):
            seconds -= needed
            chosen.append(model)
    if not any(family_of(model.name).boosted for model in chosen):
        # One boosted model is always there: it makes what it can of the time that the others leave.
        chosen += [model for model in wanted if family_of(model.name).boosted][:1]
    chosen = chosen or [min(wanted, key=lambda model: fit_seconds(model, given))]
    return numbered(sorted(chosen, key=lambda model: fit_seconds(model, given)))


def _library_model(given: Assignment, family: Family) -> ModelPart:
    """A family as it is, so that some models see fitted features and others do not.

    Networks and forests of classes do without: there the features cost more than they bring.
    """
    model = first_model(given, family).model_copy(update={"table": None})
    costly = given.kind != "regression" and family.name in ("neural_network", "extra_trees")
    return model.model_copy(update={"table": plain_table_of(model)}) if costly or not _fits_features(given) else model


def _merged(scripts: tuple[ScoredScript, ...], given: Assignment) -> Recipe:
    """The recipe of the best script that has one, with the models of the others."""
    metric: Metric = given.metric
    recipes = [recipe for script in metric.ranked(scripts) if (recipe := parse(script.source)) is not None]
    if not recipes:
        return first_recipe(given, suited_families(given)[0])
    merged = recipes[0].model_copy(update={"setup": SetupPart(seed=given.seed, threads=given.threads)})
    if merged.tuning is not None:
        merged = merged.model_copy(update={"tuning": merged.tuning.model_copy(update={"share": SHARED_TUNING})})
    for other in recipes[1:]:
        merged = with_models(merged, other.models.models)
    return merged
