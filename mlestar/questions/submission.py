"""Questions of the last phase."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import Code
from mlestar.records.strategy import Goal
from mlestar.records.task import Assignment


class ApplySubmissionGoal(Question[Code]):
    """Change the script as the submission goal asks; it is graded again and kept only if it is not worse."""

    assignment: Assignment
    script: str
    goal: Goal


class WriteSubmission(Question[Code]):
    """Make the script train on all of train and write the predictions for the test set (reported scoring only)."""

    assignment: Assignment
    script: str
