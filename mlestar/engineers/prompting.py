"""Turning a question into words: one Jinja file for each question, named like it.

A name that is in a prompt but not in its question is an error, so the two cannot drift apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlestar.doors import A, Question
from mlestar.records.strategy import ENSEMBLE_FOCUSES, REFINEMENT_FOCUSES
from mlestar.records.task import ColumnProfile

EXAMPLE_CHARACTERS = 40
WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class Prompts:
    """The prompts that come with mlestar."""

    def __init__(self) -> None:
        self._environment = _environment()

    def instruction(self) -> str:
        """What is said once, before every question."""
        return self._environment.get_template("_instruction.j2").render().strip()

    def render(self, question: Question[A]) -> str:
        """The question in words."""
        template = self._environment.get_template(template_name(type(question).__name__))
        fields = {name: getattr(question, name) for name in type(question).model_fields}
        return template.render(fields).strip()


@cache
def _environment() -> Environment:
    """The compiled prompts, once in a process; they are text for a model, so nothing is escaped as HTML is."""
    environment = Environment(
        loader=PackageLoader("mlestar", "prompts"), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(data=as_data, number=number, quoted=quoted, profile_row=profile_row)
    environment.globals.update(refinement_focuses=REFINEMENT_FOCUSES, ensemble_focuses=ENSEMBLE_FOCUSES)
    return environment


def template_name(question: str) -> str:
    """`WriteBlock` → `write_block.j2`."""
    return WORD_START.sub("_", question).lower() + ".j2"


def as_data(text: str, tag: str) -> str:
    """The text between tags that do not occur in it, so that it cannot end its own quotation."""
    name, number_ = tag, 1
    while f"</{name}" in text:
        number_ += 1
        name = f"{tag}_{number_}"
    return f"<{name}>\n{text.strip(chr(10))}\n</{name}>"


def number(value: float | None) -> str:
    """A score or a gain with six significant digits."""
    return "unknown" if value is None else f"{value:.6g}"


def quoted(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def profile_row(column: ColumnProfile) -> str:
    """One column of the data as a row of a Markdown table."""
    extent = ""
    if column.minimum is not None and column.maximum is not None:
        extent = f"{number(column.minimum)} to {number(column.maximum)}"
        extent += "" if column.mean is None else f", mean {number(column.mean)}"
        extent += "" if column.skewness is None else f", skewness {column.skewness:.2f}"
    words = "" if column.mean_words is None else f"{column.mean_words:.1f}"
    cells = (
        column.name,
        column.kind,
        f"{column.missing_share:.1%}" if column.missing_share else "",
        str(column.unique_count),
        extent,
        words,
        ", ".join(_short(example) for example in column.examples),
    )
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"


def _short(example: str) -> str:
    return example if len(example) <= EXAMPLE_CHARACTERS else example[: EXAMPLE_CHARACTERS - 1] + "…"
