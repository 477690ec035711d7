"""The recipe of a playbook script: what its sections are made of, readable from the script itself.

A playbook script is a row of sections. Each begins with a header that carries its part of the recipe as JSON:

    # [ensemble] {"method": "greedy"}

so a section can be replaced by another one and nothing else goes stale. `Recipe` to script is `render.py`.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import Literal

from pydantic import Field, ValidationError

from mlestar.errors import BadAnswer
from mlestar.records.base import Record

Parameter = int | float | str | bool | None | tuple[int, ...]
Transform = Literal["none", "log", "sqrt", "rank"]
Table = Literal["native", "enriched", "codes", "enriched_codes", "scaled", "enriched_scaled", "words"]
Post = Literal["none", "shift", "temperature", "thresholds"]

HEADER_WIDTH = 116
_HEADER = re.compile(r"^# \[([a-z]+)\] (?=\{)", re.MULTILINE)


class SetupPart(Record):
    """Seed and threads."""

    seed: int
    threads: int = 1


class DataPart(Record):
    """What is predicted, and which columns are left out."""

    kind: Literal["regression", "binary", "multiclass"]
    target: str
    drop: tuple[str, ...] = ()
    fast: bool = False
    """Whether the tables are read with pyarrow where scripts can import it."""


class FeaturesPart(Record):
    """Columns made from columns."""

    dates: tuple[str, ...] = ()
    text: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    """Columns of words that hold a number, such as `10+ years`; the number becomes a column of its own."""
    text_components: int = 32
    missing_count: bool = False
    drop_redundant: bool = False
    """Whether columns that repeat another one or hardly vary are dropped."""
    informative: bool = False
    """Whether columns are blanked that tell no more than shuffled ones."""
    ratios: int = 0
    """How many arithmetic combinations of columns are added."""
    groups: int = 0
    """For how many numbers, within how many categories, the difference from the median is added."""
    neighbours: bool = False
    """Whether the mean target of near rows is added."""

    @property
    def fitted(self) -> bool:
        """Whether anything is learned from the rows that a model learns from."""
        return self.informative or self.ratios > 0 or self.groups > 0 or self.neighbours

    @property
    def plain(self) -> FeaturesPart:
        """Only the columns that follow from the kinds of those that are given."""
        return FeaturesPart(dates=self.dates, text=self.text, measures=self.measures)


class EncodingPart(Record):
    """How categories become numbers."""

    categories: Literal["codes", "frequency", "target"] = "codes"
    rare: int = 1
    """Categories seen fewer times than this are one category."""
    precision: Literal["float32", "float64"] = "float64"


class TargetPart(Record):
    """The scale on which the target is learned."""

    transform: Transform = "none"


class MetricPart(Record):
    """What is optimised."""

    name: str
    direction: Literal["minimize", "maximize"] = "minimize"
    needs: Literal["values", "labels", "probabilities"] = "values"


class ModelPart(Record):
    """One model: a name of the catalogue, and what differs from its defaults there."""

    name: str
    table: Table | None = None
    """The table it is fed, where that is another one than its family's."""
    params: dict[str, Parameter] = Field(default_factory=dict)


class ModelsPart(Record):
    """The models, in the order in which they are trained."""

    models: tuple[ModelPart, ...] = Field(min_length=1)


class TuningPart(Record):
    """A search of one model's parameters with Optuna."""

    model: str
    trials: int = 30
    share: float = 0.5
    """Share of the script's time the search may take."""


class TrainingPart(Record):
    """Cross-validation: every model is fitted on each fold of each repeat. A large table does with held-out rows."""

    folds: int = Field(default=5, ge=2)
    repeats: int = Field(default=1, ge=1)
    reserve: bool = False
    """Whether a part of the time is kept for what follows."""
    held_out: int = 0
    """So many rows judge the models, which learn from all others; 0: the folds do."""
    rows: int = 0
    """From so many of the others a model learns that cannot be stopped."""
    later: tuple[str, ...] = ()
    """Models that are trained only in the time the others leave."""


class StackingPart(Record):
    """A second layer that sees the first layer's out-of-fold predictions beside the features."""

    models: tuple[ModelPart, ...] = Field(min_length=1)
    best: int = 10
    """How many models of the first layer it sees."""


class EnsemblePart(Record):
    """How the models' predictions become one."""

    method: Literal["average", "greedy"] = "average"
    bags: int = 15
    repeats: int = 1
    """At most so many repeats of cross-validation for the models that carry weight, as far as time goes."""


class SubmissionPart(Record):
    """The format of the file, and what is done to predictions before they are written."""

    id_column: str | None = None
    columns: tuple[str, ...]
    classes: tuple[str, ...] = ()
    needs: Literal["values", "labels", "probabilities"] = "values"
    least: float | None = None
    """The smallest value the metric allows."""
    post: Post = "none"


class Recipe(Record):
    """All decisions behind a script; the order of the fields is the order of the sections."""

    setup: SetupPart
    data: DataPart
    features: FeaturesPart = FeaturesPart()
    encoding: EncodingPart = EncodingPart()
    target: TargetPart = TargetPart()
    metric: MetricPart
    models: ModelsPart
    tuning: TuningPart | None = None
    training: TrainingPart = TrainingPart()
    stacking: StackingPart | None = None
    ensemble: EnsemblePart = EnsemblePart()
    submission: SubmissionPart

    @property
    def model_names(self) -> tuple[str, ...]:
        return tuple(model.name for model in self.models.models)


SECTIONS: tuple[str, ...] = tuple(Recipe.model_fields)


def header_of(section: str, part: Record) -> str:
    """The comment a section begins with; long recipes continue on further comment lines."""
    text = json.dumps(json.loads(part.model_dump_json(exclude_defaults=True)), ensure_ascii=False)
    lines = [f"# [{section}]"]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) > HEADER_WIDTH:
            lines.append("#  ")
        lines[-1] += f" {word}"
    return "\n".join(lines)


def sections_of(source: str) -> dict[str, str]:
    """The sections of a script by name, each with its header, to the letter; empty when it has none."""
    found = list(_HEADER.finditer(source))
    ends = [later.start() for later in found[1:]] + [len(source)]
    return {mark.group(1): source[mark.start() : end].rstrip() for mark, end in zip(found, ends, strict=True)}


def _part_of(section: str) -> object:
    """The JSON value of a header, read over its comment lines."""
    comments = itertools.takewhile(lambda line: line.startswith("# "), section.split("\n"))
    text = " ".join(line.removeprefix("#   ") for line in comments)
    value, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
    return value


def parse(source: str) -> Recipe | None:
    """The recipe of a script; None when the script is not the playbook's work or its headers were changed."""
    try:
        parts = {name: _part_of(text) for name, text in sections_of(source).items()}
        return Recipe.model_validate(parts)
    except (ValidationError, ValueError):
        return None


def recipe_of(source: str) -> Recipe:
    """The recipe of a script; raises BadAnswer when there is none."""
    recipe = parse(source)
    if recipe is None:
        raise BadAnswer("the playbook can only work on scripts that carry its recipe headers; this script has none")
    return recipe
