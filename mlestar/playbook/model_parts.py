"""What rules ask of models as they stand in a recipe, and what they do to them."""

from __future__ import annotations

from mlestar.playbook.columns import count_of
from mlestar.playbook.families import family_of
from mlestar.playbook.large import as_learned
from mlestar.playbook.metrics import metric_key
from mlestar.playbook.recipe import ModelPart, Recipe, SubmissionPart, Table
from mlestar.playbook.render import plain_table
from mlestar.records.task import Assignment


def plain_table_of(model: ModelPart) -> Table | None:
    """The model's table without fitted features; None where that is its family's own."""
    family = family_of(model.name).table
    plain = plain_table(model.table or family)
    return plain if plain != family else None


def alike(one: ModelPart, other: ModelPart) -> bool:
    """Whether two models are one, but for their names and those of their families."""
    return _fitted_by(one) == _fitted_by(other)


def _fitted_by(model: ModelPart) -> tuple[object, ...]:
    family = family_of(model.name)
    defaults = [{**family.defaults(regression=regression), **model.params} for regression in (True, False)]
    return family.regression, family.classification, model.table or family.table, *defaults


def fit_seconds(model: ModelPart, given: Assignment) -> float:
    """A rough guess of the seconds of one fit on one thread."""
    family = family_of(model.name)
    profile = as_learned(given, family).profile
    fitted = (model.table or family.table).startswith("enriched")
    columns = len(profile.columns) + (round(_FITTED_SHARE * _fitted_columns(given)) if fitted else 0)
    return family.seconds(profile.train_rows, columns, len(given.submission.classes))


FITTED = {"ratios": 40, "neighbours": True}
"""The features that an ensemble fits."""
_FITTED_SHARE = 0.2
"""What a fitted column costs of what another costs: models look at a part of them."""


def _fitted_columns(given: Assignment) -> int:
    """About how many columns are fitted: four for each pair of the strongest seven numbers, and those of near rows."""
    numeric = min(7, count_of(given, "numeric"))
    near_rows = 5 if numeric > 1 else 0
    return min(FITTED["ratios"], 2 * numeric * (numeric - 1)) + near_rows


def numbered(models: list[ModelPart]) -> tuple[ModelPart, ...]:
    """The second of one name gets a number."""
    seen: dict[str, int] = {}
    named = []
    for model in models:
        name = family_of(model.name).name
        seen[name] = seen.get(name, 0) + 1
        named.append(model.model_copy(update={"name": name if seen[name] == 1 else f"{name}_{seen[name]}"}))
    return tuple(named)


def calibrated(recipe: Recipe) -> SubmissionPart:
    """Probabilities with one exponent chosen out of fold, where the metric looks at how sure they are."""
    sure = metric_key(recipe.metric.name) in ("logloss", "brier")
    return recipe.submission.model_copy(update={"post": "temperature"}) if sure else recipe.submission
