"""Recipe to script: every section rendered from its template in `blocks/`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlestar.playbook.families import Family, family_of
from mlestar.playbook.metrics import known_metric, written
from mlestar.playbook.recipe import SECTIONS, ModelPart, Parameter, Recipe, header_of

LINE = 100


def render(recipe: Recipe) -> str:
    """The whole script."""
    sections = (section_text(recipe, name) for name in SECTIONS)
    return f"{_title(recipe)}\n\n" + "\n\n\n".join(text for text in sections if text) + "\n"


def section_text(recipe: Recipe, section: str) -> str:
    """One section with its header, as it stands in the script; empty when the recipe does without it."""
    part = getattr(recipe, section)
    if part is None:
        return ""
    body = _environment().get_template(f"{section}.py.j2").render(part=part, **_context(recipe, section))
    body = re.sub(r"\n{4,}", "\n\n\n", body.strip("\n"))
    return f"{header_of(section, part)}\n{body}"


def _title(recipe: Recipe) -> str:
    target = recipe.data.target.replace("\\", "/").replace('"', "'")
    return (
        f'"""Predict {target} ({recipe.data.kind}), scored by {recipe.metric.name}.\n\n'
        "`python solution.py` beside ./input (train.csv, test.csv) writes ./final/submission.csv and takes no longer\n"
        "than MLESTAR_TIME_LIMIT_SECONDS. The line above each section says what it is made of.\n"
        '"""'
    )


def _context(recipe: Recipe, section: str) -> Mapping[str, object]:
    common: dict[str, object] = {"kind": recipe.data.kind, "recipe": recipe}
    if section == "metric":
        return {**common, "metric": written(recipe.metric), "exact": known_metric(recipe.metric)}
    if section == "models":
        return {**common, **_models_context(recipe)}
    if section in ("training", "tuning"):
        tunable = family_of(recipe.tuning.model).tunable if recipe.tuning else ()
        splitter = "KFold" if recipe.data.kind == "regression" else "StratifiedKFold"
        return {**common, "splitter": splitter, "tunable": tunable}
    if section == "submission":
        labels = recipe.submission.classes or recipe.submission.columns
        return {**common, "column_labels": dict(zip(recipe.submission.columns, labels, strict=False))}
    return common


def _models_context(recipe: Recipe) -> Mapping[str, object]:
    regression = recipe.data.kind == "regression"
    families = [family_of(model.name) for model in recipe.models.models]
    boosted = [family.boosted for family in families]
    return {
        "models": [
            {"name": model.name, "about": family.about, "table": family.table, "expression": _build(model, recipe)}
            for model, family in zip(recipe.models.models, families, strict=True)
        ],
        "tables": {family.table for family in families},
        "boosted": any(boosted),
        "all_boosted": all(boosted),
        "imports": _imports(families, regression=regression),
    }


_TABLE_IMPORTS = {
    "native": ("from sklearn.preprocessing import FunctionTransformer",),
    "codes": ("from sklearn.impute import SimpleImputer",),
    "scaled": (
        "from sklearn.compose import ColumnTransformer",
        "from sklearn.impute import MissingIndicator, SimpleImputer",
        "from sklearn.pipeline import make_pipeline",
        "from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler",
    ),
}
_BOOSTED_IMPORTS = (
    "from lightgbm import early_stopping",
    "from lightgbm.callback import EarlyStopException",
)


def _imports(families: list[Family], *, regression: bool) -> list[str]:
    """One sorted import statement for each module."""
    lines: list[str] = []
    for family in families:
        lines += [*family.imports, *(family.regression_imports if regression else family.classification_imports)]
        lines += _TABLE_IMPORTS[family.table]
    if any(family.boosted for family in families):
        lines += _BOOSTED_IMPORTS
        if not all(family.boosted for family in families):
            lines.append("from lightgbm import LGBMModel")
    names: dict[str, set[str]] = {}
    for line in lines:
        module, _, imported = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, set()).update(imported.split(", "))
    return [f"from {module} import {', '.join(sorted(names[module], key=str.lower))}" for module in sorted(names)]


def _build(model: ModelPart, recipe: Recipe) -> str:
    """The expression that makes the model, over several lines when it is long."""
    family = family_of(model.name)
    regression = recipe.data.kind == "regression"
    params = {**family.defaults(regression=regression), **model.params}
    words = [f"{name}={_value(value)}" for name, value in params.items()]
    if family.seeded:
        words.append("random_state=seed")
    expression = family.regression if regression else family.classification
    joined = ", ".join(words)
    indent = re.search(r"^( *).*\{params\}", expression, re.MULTILINE)
    margin = indent.group(1) if indent else ""
    if len(joined) > LINE - len(expression.splitlines()[0]) or len(words) > 6:
        joined = f"\n{margin}    " + f",\n{margin}    ".join(words) + f",\n{margin}"
    return expression.replace("{params}", joined)


def _value(value: Parameter) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _quoted(value: object) -> str:
    """A Python literal with double quotes where the text allows it."""
    if isinstance(value, str):
        return f'"{value}"' if value.isprintable() and not set(value) & {'"', "\\"} else repr(value)
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_quoted(item) for item in cast("list[object]", value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)}: {_quoted(item)}" for key, item in value.items()) + "}"
    return repr(value)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mlestar.playbook", "blocks"),
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        autoescape=False,
    )
    environment.filters["repr"] = _quoted
    return environment
