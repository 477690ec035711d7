"""Questions of the first phase: understand the task, find models, write and merge scripts (paper, section 3.1)."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import Code, Models, Text
from mlestar.records.solution import ModelIdea
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment


class SummarizeTask(Question[Text]):
    """Say in a few sentences what is to be predicted, from what, and what will matter."""

    assignment: Assignment


class RetrieveModels(Question[Models]):
    """Find models that are effective on tasks like this one."""

    assignment: Assignment
    summary: str
    count: int
    goals: tuple[Goal, ...] = ()
    taken: tuple[str, ...] = ()
    """Names of the models other solutions of this run already use; answer with different ones."""


class WriteCandidate(Question[Code]):
    """Write a simple complete script around one model."""

    assignment: Assignment
    summary: str
    idea: ModelIdea


class MergeScripts(Question[Code]):
    """Integrate the second script's model into the first script as a simple ensemble of both."""

    assignment: Assignment
    base: str
    addition: str
