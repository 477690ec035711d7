"""Recipe to script: every section rendered from its template in `blocks/`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from textwrap import wrap
from typing import cast

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlestar.errors import BadAnswer
from mlestar.playbook.families import family_of
from mlestar.playbook.family import Family
from mlestar.playbook.metrics import written
from mlestar.playbook.recipe import SECTIONS, ModelPart, Parameter, Recipe, Table, header_of

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
    template = "held_out" if section == "training" and recipe.training.held_out else section
    body = _environment().get_template(f"{template}.py.j2").render(part=part, **_context(recipe, section))
    body = re.sub(r"\n{4,}", "\n\n\n", body.strip("\n"))
    return f"{header_of(section, part)}\n{body}"


def _title(recipe: Recipe) -> str:
    target = recipe.data.target.replace("\\", "/").replace('"', "'")
    return (
        f'"""Predict {target} ({recipe.data.kind}), scored by {recipe.metric.name}.\n\n'
        "`python solution.py` beside ./input (train.csv, test.csv) writes ./final/submission.csv and takes no longer\n"
        "than MLESTAR_TIME_LIMIT_SECONDS. `predict_rows`, with what was fitted, is pickled to MLESTAR_MODEL_FILE.\n"
        "The line above each section says what it is made of.\n"
        '"""'
    )


def _context(recipe: Recipe, section: str) -> Mapping[str, object]:
    """What a template is told beside its own part."""
    regression = recipe.data.kind == "regression"
    target_type = "continuous" if regression else recipe.data.kind
    common: dict[str, object] = {
        "kind": recipe.data.kind,
        "target_type": target_type,
        "threads": recipe.setup.threads,
        "held_out": recipe.training.held_out > 0,
    }
    if section == "data":
        return {**common, "id_column": recipe.submission.id_column}
    if section == "metric":
        return {**common, "metric": written(recipe.metric)}
    if section in ("models", "stacking"):
        deep = recipe.stacking.models if recipe.stacking else ()
        models, above = (deep, ()) if section == "stacking" else (recipe.models.models, deep)
        return {**common, **_models_context(models, [family_of(m.name) for m in above], regression=regression)}
    if section == "tuning":
        return {**common, "tunable": family_of(recipe.tuning.model).tunable if recipe.tuning else ()}
    if section == "ensemble":
        free = [name for name in recipe.model_names if family_of(name).extrapolates]
        return {**common, "extrapolating": free}
    if section == "submission":
        labels = recipe.submission.classes or recipe.submission.columns
        extrapolating = any(family_of(name).extrapolates for name in recipe.model_names)
        greedy = recipe.ensemble.method == "greedy"
        return {
            **common,
            "column_labels": dict(zip(recipe.submission.columns, labels, strict=False)),
            "stacked": recipe.stacking is not None,
            "bounded": greedy and regression and extrapolating,
        }
    return common


def plain_table(table: Table) -> Table:
    """The table without the features that are fitted for it."""
    if table == "enriched":
        return "native"
    return "codes" if table == "enriched_codes" else "scaled" if table == "enriched_scaled" else table


def _models_context(models: Sequence[ModelPart], above: Sequence[Family], *, regression: bool) -> Mapping[str, object]:
    """The models of a layer; the families of the layer above it are fed and fitted by the same functions."""
    families = [family_of(model.name) for model in models]
    boosted = [family.boosted for family in (*families, *above)]
    stoppable_by = {family.kin for family in (*families, *above) if family.boosted}
    expressions = [_build(model, regression) for model in models]
    fed = [model.table or family.table for model, family in zip(models, families, strict=True)]
    tables = {plain_table(table) for table in (*fed, *(family.table for family in above))}
    return {
        "models": [
            {
                "name": model.name,
                "about": family.about,
                "features": "enrich" if table.startswith("enriched") else None,
                "table": plain_table(table),
                "expression": expression,
                "builder": models[expressions.index(expression)].name,
            }
            for model, family, table, expression in zip(models, families, fed, expressions, strict=True)
        ],
        "tables": tables,
        "boosted": any(boosted),
        "stoppable_by": stoppable_by,
        "stoppable": [model.name for model, family in zip(models, families, strict=True) if family.boosted],
        "all_boosted": all(boosted),
        "imports": _imports(families, above, tables, regression=regression),
    }


_IMPUTER = "from sklearn.impute import SimpleImputer"
_PIPELINE = "from sklearn.pipeline import make_pipeline"
_FUNCTION = "from sklearn.preprocessing import FunctionTransformer"
_CODES = (
    "from sklearn.compose import ColumnTransformer",
    _IMPUTER,
    "from sklearn.model_selection import KFold",
    "from sklearn.preprocessing import TargetEncoder",
)
_SCALED = (
    _FUNCTION,
    _PIPELINE,
    "from sklearn.compose import ColumnTransformer",
    "from sklearn.impute import MissingIndicator, SimpleImputer",
    "from sklearn.preprocessing import OneHotEncoder, StandardScaler",
)
_TABLE_IMPORTS: Mapping[Table, tuple[str, ...]] = {
    "native": (_FUNCTION,),
    "codes": _CODES,
    "scaled": _SCALED,
    "words": (
        _FUNCTION,
        "from sklearn.pipeline import make_pipeline, make_union",
    ),
}
_BOOSTED_IMPORTS = (
    "from lightgbm import early_stopping",
    "from lightgbm.callback import EarlyStopException",
)


def _imports(families: Sequence[Family], above: Sequence[Family], tables: set[Table], *, regression: bool) -> list[str]:
    """One sorted import statement for each module; what builds the layer above is imported there."""
    lines = [line for table in tables for line in _TABLE_IMPORTS[table]]
    for family in families:
        lines += [*family.imports, *(family.regression_imports if regression else family.classification_imports)]
    if any(family.boosted and family.kin == "lightgbm" for family in (*families, *above)):
        lines += _BOOSTED_IMPORTS
        if not all(family.boosted for family in (*families, *above)):
            lines.append("from lightgbm import LGBMModel")
    names: dict[str, set[str]] = {}
    for line in lines:
        module, _, imported = line.removeprefix("from ").partition(" import ")
        names.setdefault(module, set()).update(imported.split(", "))
    return [f"from {module} import {', '.join(sorted(names[module], key=str.lower))}" for module in sorted(names)]


def _build(model: ModelPart, regression: bool) -> str:
    """The expression that makes the model, over several lines when it is long."""
    family = family_of(model.name)
    params = {**family.defaults(regression=regression), **model.params}
    words = [f"{name}={_value(value)}" for name, value in params.items()]
    if family.seeded:
        words.append("random_state=seed")
    expression = family.regression if regression else family.classification
    if not expression:
        raise BadAnswer(f"{family.title} is not for {'regression' if regression else 'classes'}")
    joined = ", ".join(words)
    if len(joined) > LINE - len(expression.splitlines()[0]):
        indent = re.search(r"^( *).*\{params\}", expression, re.MULTILINE)
        margin = indent.group(1) if indent else ""
        lines = wrap(joined, LINE, break_long_words=False, break_on_hyphens=False)
        joined = "".join(f"\n{margin}    {line}" for line in lines) + f",\n{margin}"
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
