from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest

import mlestar.questions
from mlestar.doors import Question
from mlestar.errors import BadAnswer
from mlestar.events import metered
from mlestar.playbook.book import RULES, Playbook
from mlestar.questions.initialization import SummarizeTask
from tests.playbook.tables import assignment


def question_classes() -> set[type[Question[Any]]]:
    """Every question that a module of `mlestar.questions` defines."""
    found: set[type[Question[Any]]] = set()
    for module in pkgutil.iter_modules(mlestar.questions.__path__):
        name = f"mlestar.questions.{module.name}"
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, Question) and "[" not in value.__name__:
                found.add(value)
    return found - {Question}


def test_every_question_has_a_rule() -> None:
    assert set(RULES) == question_classes()


async def test_an_answer_is_metered_as_free() -> None:
    with metered() as meter:
        await Playbook().ask(SummarizeTask(assignment=assignment()))
    assert (meter.usage.model, meter.usage.usd) == ("playbook", 0.0)


async def test_a_question_without_a_rule_is_a_bad_answer() -> None:
    with pytest.raises(BadAnswer, match="no rule for SummarizeTask"):
        await Playbook(rules={}).ask(SummarizeTask(assignment=assignment()))
