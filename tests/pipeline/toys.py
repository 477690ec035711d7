"""An engineer of the toy world who answers every question of a run; tests replace single answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlestar.questions import ensemble, initialization, refinement, review, submission
from mlestar.questions.answers import Code, DataUse, Idea, Leakage, Models, Target, Text, Variation, Variations
from mlestar.records.base import Record
from mlestar.records.solution import ModelIdea
from tests.doubles import ToyEngineer, scored

Answers = dict[Any, Callable[..., Record]]

SCORES = {"A": 5.0, "B": 4.0, "C": 6.0, "D": 7.0}


def models(question: initialization.RetrieveModels) -> Models:
    """A and B for the first solution, C and D for the second."""
    names = [name for name in SCORES if name not in question.taken]
    return Models(models=tuple(ModelIdea(name=name) for name in names[: question.count]))


def variations(question: refinement.ProposeVariations) -> Variations:
    """One variation of the score line that makes the script worse, another for each one already studied."""
    number = len(question.studied)
    line = next(line for line in question.script.splitlines() if line.startswith("SCORE"))
    changed = Variation(component=f"part {number}", change="off", block=line, replacement='SCORE = "9.0"')
    return Variations(variations=(changed,))


def target(question: refinement.ChooseTarget) -> Target:
    line = next(line for line in question.script.splitlines() if line.startswith("SCORE"))
    return Target(block=line, focus="hyperparameter_tuning", plan="plan 0")


def answers(**changes: Callable[..., Record]) -> Answers:
    """An answer for every question; a change is named like the question."""
    every: Answers = {
        initialization.SummarizeTask: lambda q: Text(text="predict y"),
        initialization.RetrieveModels: models,
        initialization.WriteCandidate: lambda q: Code(source=scored(SCORES[q.idea.name], name=q.idea.name)),
        initialization.MergeScripts: lambda q: Code(source=scored(8.0, name="merged")),
        refinement.ProposeVariations: variations,
        refinement.SummarizeAblation: lambda q: Text(text="the score line matters"),
        refinement.ChooseTarget: target,
        refinement.PlanBlock: lambda q: Idea(focus="bagging", plan=f"plan {len(q.tried)}"),
        refinement.WriteBlock: lambda q: Code(source=f'SCORE = "3.{q.plan[-1]}"'),
        ensemble.PlanEnsemble: lambda q: Idea(focus="simple_averaging", plan=f"average {len(q.earlier)}"),
        ensemble.WriteEnsemble: lambda q: Code(source=scored(2.0, name=q.plan)),
        submission.ApplySubmissionGoal: lambda q: Code(source=scored(1.0, name="goal")),
        submission.WriteSubmission: lambda q: Code(source=q.script + "# writes the submission\n"),
        review.RepairScript: lambda q: Code(source=scored(5.5, name="repaired")),
        review.FindLeakage: lambda q: Leakage(leaks=False),
        review.MendLeakage: lambda q: Code(source='SCORE = "6.5"'),
        review.CheckDataUse: lambda q: DataUse(complete=True),
        review.UseMoreData: lambda q: Code(source=scored(1.5, name="more data")),
    }
    names = {question.__name__: question for question in every}
    return every | {names[name]: answer for name, answer in changes.items()}


def engineer(**changes: Callable[..., Record]) -> ToyEngineer:
    return ToyEngineer(answers(**changes))
