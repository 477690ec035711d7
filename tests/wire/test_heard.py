"""A prompt says all of its question: it can be read back from the words alone."""

from __future__ import annotations

from typing import Any

import pytest

from mlestar.doors import Question
from mlestar.engineers.prompting import Prompts
from tests.prompts.specimens import ASSIGNMENT, SPECIMENS
from tests.wire.heard import heard


@pytest.mark.parametrize("question", SPECIMENS, ids=lambda question: type(question).__name__)
def test_a_question_is_heard_as_it_was_asked(question: Question[Any]) -> None:
    prompts = Prompts()
    again = heard(prompts.render(question.model_copy(update={"sample": 2})))
    assert type(again) is type(question)
    assert again.sample == 2
    assert prompts.render(again) == prompts.render(question.model_copy(update={"sample": 2}))


def test_conditions_of_reported_scoring_are_heard() -> None:
    prompts = Prompts()
    reported = ASSIGNMENT.model_copy(update={"scoring": "reported"})
    asked = SPECIMENS[0].model_copy(update={"assignment": reported})
    assert prompts.render(heard(prompts.render(asked))) == prompts.render(asked)
