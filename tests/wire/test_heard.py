"""A prompt says all of its question: it can be read back from the words alone."""

from __future__ import annotations

from typing import Any

import pytest

from mlestar.doors import Question
from mlestar.engineers.prompting import Prompts
from mlestar.records.task import Assignment
from tests.prompts.specimens import ASSIGNMENT, SPECIMENS
from tests.wire.heard import heard


@pytest.mark.parametrize("question", SPECIMENS, ids=lambda question: type(question).__name__)
def test_a_question_is_heard_as_it_was_asked(question: Question[Any]) -> None:
    prompts = Prompts()
    again = heard(prompts.render(question.model_copy(update={"sample": 2})))
    assert type(again) is type(question)
    assert again.sample == 2
    assert prompts.render(again) == prompts.render(question.model_copy(update={"sample": 2}))


def of_classes(kind: str, needs: str, columns: tuple[str, ...], id_column: str | None) -> Assignment:
    metric = {"name": "log_loss", "direction": "minimize", "needs": needs}
    form = {"id_column": id_column, "columns": columns, "classes": ("no", "yes")}
    return Assignment.model_validate({**ASSIGNMENT.model_dump(), "kind": kind, "metric": metric, "submission": form})


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        (of_classes("binary", "probabilities", ("bought",), "id"), "the column holds the probability of the last one"),
        (of_classes("multiclass", "probabilities", ("no", "yes"), "id"), "followed by `no`, `yes`."),
        (of_classes("binary", "labels", ("bought",), None), "Predictions are class labels, written as in train.csv."),
    ],
)
def test_a_task_of_classes_is_told_and_heard(assignment: Assignment, words: str) -> None:
    prompts = Prompts()
    said = prompts.render(SPECIMENS[0].model_copy(update={"assignment": assignment}))
    assert words in said
    assert prompts.render(heard(said)) == said


def test_conditions_of_reported_scoring_are_heard() -> None:
    prompts = Prompts()
    reported = ASSIGNMENT.model_copy(update={"scoring": "reported"})
    asked = SPECIMENS[0].model_copy(update={"assignment": reported})
    assert prompts.render(heard(prompts.render(asked))) == prompts.render(asked)
