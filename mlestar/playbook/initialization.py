"""Rules of the first phase: sum up the task, name models, write a first script around each, merge two scripts."""

from __future__ import annotations

import itertools

from mlestar.errors import BadAnswer
from mlestar.playbook.columns import first_data, first_features
from mlestar.playbook.families import FAMILIES, family_like, family_of
from mlestar.playbook.family import Family
from mlestar.playbook.large import as_learned, is_large, large_params, large_training, suits_large
from mlestar.playbook.metrics import metric_key
from mlestar.playbook.recipe import (
    EncodingPart,
    EnsemblePart,
    MetricPart,
    ModelPart,
    ModelsPart,
    Parameter,
    Post,
    Recipe,
    SetupPart,
    SubmissionPart,
    Table,
    TargetPart,
    TrainingPart,
    Transform,
    recipe_of,
)
from mlestar.playbook.render import render
from mlestar.questions.answers import Code, Models, Text
from mlestar.questions.initialization import MergeScripts, RetrieveModels, SummarizeTask, WriteCandidate
from mlestar.records.solution import ModelIdea
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment


def summarize_task(question: SummarizeTask) -> Text:
    """What is predicted from what, and what is unusual about the data."""
    given = question.assignment
    profile = given.profile
    kinds = [column.kind for column in profile.columns]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in sorted(set(kinds)))
    gaps = sum(column.missing_share > 0 for column in profile.columns)
    skew = profile.target.skewness
    words = [
        f"Predict {given.target} ({given.kind}) for {profile.test_rows} rows, learning from {profile.train_rows} rows "
        f"of {len(kinds)} columns ({counted}); {gaps} of them have missing values.",
        f"The metric is {given.metric.name}, to {given.metric.direction}.",
    ]
    if skew is not None and abs(skew) > 1:
        words.append(f"The target is skewed ({skew:.1f}).")
    if given.submission.classes:
        words.append(f"There are {len(given.submission.classes)} classes.")
    return Text(text=" ".join(words))


def retrieve_models(question: RetrieveModels) -> Models:
    """The families that suit the data, those named by goals first, other kinds than those already taken."""
    given = question.assignment
    suited = suited_families(given)
    taken = [family for name in question.taken if (family := family_like(name)) is not None]
    kin = {family.kin for family in taken}
    wished = [family for goal in question.goals if (family := _wished(goal)) is not None]
    fresh = [family for family in suited if family not in taken]
    order = {family.name: place for place, family in enumerate(suited)}
    fresh.sort(key=lambda family: (family not in wished, family.kin in kin, order[family.name]))
    chosen = _of_different_kin(fresh)[: question.count] or suited[: question.count]
    return Models(models=tuple(ModelIdea(name=family.title, description=family.about) for family in chosen))


def _wished(goal: Goal) -> Family | None:
    return family_like(f"{goal.focus} {goal.rationale}")


def _of_different_kin(families: list[Family]) -> list[Family]:
    """The same families, the first of each kin before the second of any."""
    seen: dict[str, int] = {}
    rank: dict[str, int] = {}
    for family in families:
        rank[family.name] = seen[family.kin] = seen.get(family.kin, 0) + 1
    return sorted(families, key=lambda family: rank[family.name])


def suited_families(given: Assignment) -> list[Family]:
    """Families that can be trained on the data in time, most promising first: those of words when most is text."""
    kinds = [column.kind for column in given.profile.columns]
    text, regression = "text" in kinds, given.kind == "regression"
    rows_of = {family.name: as_learned(given, family).profile.train_rows for family in FAMILIES.values()}
    families = [family for family in FAMILIES.values() if suits_large(family) or not is_large(given)]
    suited = [f for f in families if f.suits(rows_of[f.name], len(kinds), regression=regression, text=text)]
    installed = tuple(library.split()[0] for library in given.libraries)
    suited = [family for family in suited if not family.requires or _can_use(family, given, installed)]
    rarest = min(given.profile.class_shares, default=1.0)
    suited = [family for family in suited if family.least_class_rows <= rarest * rows_of[family.name]]
    told = sum(kind not in ("identifier", "constant", "text") for kind in kinds)
    if text and told < 5:
        suited.sort(key=lambda family: family.table != "words")
    return suited


def _can_use(family: Family, given: Assignment, installed: tuple[str, ...]) -> bool:
    """Whether scripts can import the library; XGBoost also needs every class among the rows of every fold."""
    rarest = min(given.profile.class_shares, default=1.0) * given.profile.train_rows
    return any(name.startswith(family.requires) for name in installed) and (family.name != "xgboost" or rarest >= 20)


def write_candidate(question: WriteCandidate) -> Code:
    """A complete script around the one model."""
    family = family_like(question.idea.name)
    if family is None:
        raise BadAnswer(
            f"the playbook knows no model like {question.idea.name!r}; "
            f"it knows {', '.join(known.title for known in FAMILIES.values())}"
        )
    return Code(source=render(first_recipe(question.assignment, family)))


def first_recipe(given: Assignment, family: Family) -> Recipe:
    """What a practitioner would start with for this family on these data."""
    metric, transform, large = given.metric, first_transform(given), is_large(given)
    return Recipe(
        setup=SetupPart(seed=given.seed, threads=given.threads),
        data=first_data(given),
        features=first_features(given),
        encoding=EncodingPart(precision="float32" if given.profile.train_rows > 200_000 else "float64"),
        target=TargetPart(transform=transform),
        metric=MetricPart(name=metric.name, direction=metric.direction, needs=metric.needs),
        models=ModelsPart(models=(first_model(given, family),)),
        training=large_training(given) if large else TrainingPart(folds=first_folds(given, family)),
        ensemble=EnsemblePart(),
        submission=SubmissionPart(
            id_column=given.submission.id_column,
            columns=given.submission.columns,
            classes=given.submission.classes,
            needs=metric.needs,
            least=_LEAST.get(metric_key(metric.name)),
            post=first_post(given, transform),
        ),
    )


_ENRICHED: dict[Table, Table] = {"native": "enriched", "codes": "enriched_codes", "scaled": "enriched_scaled"}
_PLAIN: dict[Table, Table] = {fitted: plain for plain, fitted in _ENRICHED.items()}
_ABSOLUTE: dict[str, dict[str, Parameter]] = {
    "lightgbm": {"objective": "mae"},
    "catboost": {"loss_function": "MAE"},
    "xgboost": {"objective": "reg:absoluteerror"},
    "boosting": {"loss": "absolute_error"},
}


_LEAST = {"rmsle": 0.0, "msle": 0.0, "poissondeviance": 1e-6, "gammadeviance": 1e-6}
"""Metrics that are not defined below a value."""


def first_model(given: Assignment, family: Family) -> ModelPart:
    """The family fed with whatever features are fitted; the median is learned where the metric is absolute.

    On a large table no features are fitted.
    """
    absolute = metric_key(given.metric.name) in ("mae", "mape", "smape", "medae")
    params = _ABSOLUTE.get(family.kin, {}) if absolute and given.kind == "regression" else {}
    if family.kin == "neural" and _few_rows(given):
        # Too few to judge the network by while it learns.
        params = {"early_stopping": False}
    if is_large(given):
        return ModelPart(
            name=family.name, table=_PLAIN.get(family.table), params={**params, **large_params(given, family)}
        )
    return ModelPart(name=family.name, table=_ENRICHED.get(family.table), params=params)


def _few_rows(given: Assignment) -> bool:
    """Whether a tenth of a fold's rows may not hold every class."""
    rows, shares = given.profile.train_rows, given.profile.class_shares or (1.0,)
    return rows < 25 * len(shares) or rows * min(shares) < 8


def first_post(given: Assignment, transform: Transform) -> Post:
    """What the metric's own optimum asks of predictions that are right on the average."""
    key = metric_key(given.metric.name)
    if given.metric.needs == "labels" and key not in ("accuracy", "f1micro") and len(given.submission.classes) <= 30:
        return "thresholds" if given.metric.direction == "maximize" else "none"
    return "shift" if transform == "log" and key not in ("rmsle", "msle", "spearman") else "none"


def first_transform(given: Assignment) -> Transform:
    """The logarithm when the metric looks at ratios, and for positive targets with a long tail; ranks for ranks."""
    if metric_key(given.metric.name) == "spearman" and given.kind == "regression":
        return "rank"
    target = given.profile.target
    positive = target.minimum is not None and target.minimum >= 0
    if given.kind != "regression" or not positive:
        return "none"
    relative = metric_key(given.metric.name) in ("rmsle", "msle", "mape")
    return "log" if relative or (target.skewness or 0.0) > 1.5 else "none"


def most_folds(rows: int) -> int:
    """Fewer folds for larger tables: the last fold of ten adds little there and costs the same."""
    return 5 if rows <= 50_000 else 3 if rows <= 300_000 else 2


def possible_folds(given: Assignment) -> int:
    """The most folds for which every view of the table still holds rows enough, of one class at least."""
    return max(2, int(given.profile.train_rows * max(given.profile.class_shares, default=1.0)) // 2)


def first_folds(given: Assignment, family: Family) -> int:
    """As many folds as the size of the table asks for, fewer where a script has little time."""
    profile = given.profile
    seconds = family.seconds(profile.train_rows, len(profile.columns), len(given.submission.classes))
    affordable = int(0.7 * given.script_seconds / seconds)
    return max(2, min(most_folds(profile.train_rows), affordable, possible_folds(given)))


def merge_scripts(question: MergeScripts) -> Code:
    """The base script with the models of the addition beside its own, averaged."""
    base, addition = recipe_of(question.base), recipe_of(question.addition)
    return Code(source=render(with_models(base, addition.models.models)))


def with_models(recipe: Recipe, models: tuple[ModelPart, ...]) -> Recipe:
    """The recipe with more models; one that is there already gets a number of its own unless it is the same."""
    merged = list(recipe.models.models)
    for model in models:
        same_family = [m for m in merged if family_of(m.name) is family_of(model.name)]
        if any((m.params, m.table) == (model.params, model.table) for m in same_family):
            continue
        name, taken = family_of(model.name).name, {m.name for m in merged}
        free = (f"{name}_{number}" for number in itertools.count(2) if f"{name}_{number}" not in taken)
        merged.append(model.model_copy(update={"name": next(free) if name in taken else name}))
    return recipe.model_copy(update={"models": ModelsPart(models=tuple(merged))})
