"""The ensemble of a large table: the best solution's script with held-out rows, and as many models as have time."""

from __future__ import annotations

from mlestar.playbook.columns import first_data
from mlestar.playbook.families import family_of
from mlestar.playbook.initialization import first_model, suited_families
from mlestar.playbook.large import large_training, suits_large
from mlestar.playbook.model_parts import alike, calibrated, fit_seconds, numbered, plain_table_of
from mlestar.playbook.recipe import EnsemblePart, ModelPart, ModelsPart, Recipe
from mlestar.records.task import Assignment


def for_large_table(recipe: Recipe, given: Assignment) -> Recipe:
    """The recipe with held-out rows in place of folds, and with the models for which its time will do there."""
    models = _large_models(recipe.models.models, given)
    tuned = recipe.tuning is not None and recipe.tuning.model in {model.name for model in models}
    update = {
        "data": first_data(given),
        "features": recipe.features.plain,
        "models": ModelsPart(models=models),
        "tuning": recipe.tuning if tuned else None,
        "training": large_training(given),
        "stacking": None,
        "ensemble": EnsemblePart(method="greedy"),
        "submission": calibrated(recipe),
    }
    return recipe.model_copy(update=update)


LARGE_LIBRARY: tuple[str, ...] = (
    "lightgbm",
    "linear",
    "text_linear",
    "catboost",
    "neural_network",
    "lightgbm_random",
    "xgboost",
)
"""What is worth its time on a large table, in this order."""
_LARGE_SHARE = 0.8
"""Share of the time of all threads that boosted models may take there."""
_TIMES_AS_LONG = 3
"""A boosted model of all rows is worth more time than each of several in cross-validation."""
_QUICK_SHARE = 0.1
"""Share of the time that a model may take there which cannot be stopped."""


def _large_models(models: tuple[ModelPart, ...], given: Assignment) -> tuple[ModelPart, ...]:
    """The solutions' models, then the library: all that are quick, and boosted ones that have time for all rows."""
    suited = {family.name: family for family in suited_families(given)}
    library = [first_model(given, suited[name]) for name in LARGE_LIBRARY if name in suited]
    own = [
        model.model_copy(update={"table": plain_table_of(model)})
        for model in models
        if suits_large(family_of(model.name))
    ]
    seconds, chosen = _LARGE_SHARE * given.script_seconds * given.threads, list[ModelPart]()
    for model in [*own, *library]:
        boosted, needed = family_of(model.name).boosted, fit_seconds(model, given)
        if any(alike(model, other) for other in chosen):
            continue
        if boosted and (
            _TIMES_AS_LONG * needed <= seconds or not any(family_of(other.name).boosted for other in chosen)
        ):
            seconds -= _TIMES_AS_LONG * needed
            chosen.append(model)
        elif not boosted and needed <= _QUICK_SHARE * given.script_seconds:
            chosen.append(model)
    return numbered(chosen or library[:1])
