"""Rules of the last phase."""

from __future__ import annotations

from mlestar.errors import BadAnswer
from mlestar.playbook.moves import MOVES
from mlestar.playbook.recipe import recipe_of
from mlestar.playbook.render import render
from mlestar.questions.answers import Code
from mlestar.questions.submission import ApplySubmissionGoal, WriteSubmission


def apply_submission_goal(question: ApplySubmissionGoal) -> Code:
    """The script after the first move of the goal's focus that fits."""
    recipe = recipe_of(question.script)
    for move in MOVES:
        if move.focus == question.goal.focus and move.fits(recipe, question.assignment):
            return Code(source=render(move.change(recipe, question.assignment)))
    raise BadAnswer(f"the playbook knows no further way to carry out {question.goal.focus!r} on this script")


def write_submission(question: WriteSubmission) -> Code:
    """The script itself: what the playbook writes makes the submission already."""
    return Code(source=render(recipe_of(question.script)))
