"""The catalogue: every model family the playbook knows, found by name or by a person's words."""

from __future__ import annotations

from mlestar.errors import BadAnswer
from mlestar.playbook.family import Family
from mlestar.playbook.optional_families import OPTIONAL
from mlestar.playbook.smooth_families import SMOOTH
from mlestar.playbook.tree_families import SECOND_LAYER, TREES

_KNOWN = {family.name: family for family in (*TREES, *SMOOTH, *OPTIONAL)}
_ORDER = (
    "lightgbm",
    "extra_trees",
    "linear",
    "catboost",
    "svm",
    "lightgbm_random",
    "neural_network",
    "lightgbm_enriched",
    "xgboost",
    "hist_boosting",
    "random_forest",
    "elastic_net",
    "neighbours",
    "lightgbm_small",
    "discriminant",
    "quadratic_discriminant",
    "gaussian_process",
    "lightgbm_enriched_random",
    "svm_enriched",
    "text_linear",
    "text_bayes",
)

FAMILIES: dict[str, Family] = {name: _KNOWN[name] for name in _ORDER}
"""In the order in which they are worth a first try."""

_ALL: dict[str, Family] = {**FAMILIES, **{family.name: family for family in SECOND_LAYER}}


def family_of(model: str) -> Family:
    """The family of a model's name, `lightgbm` for `lightgbm_2`; raises BadAnswer for an unknown one."""
    name = model if model in _ALL else model.rpartition("_")[0]
    if name not in _ALL:
        raise BadAnswer(f"the playbook knows no model {model!r}; it knows {', '.join(FAMILIES)}")
    return _ALL[name]


def family_like(words: str) -> Family | None:
    """The family a person's words name, by its title or its name; None when they name none."""
    text = words.lower().replace("_", " ").replace("-", " ")
    matches = [f for f in FAMILIES.values() if f.title.lower() in text or f.name.replace("_", " ") in text]
    return max(matches, key=lambda family: len(family.title), default=None)
