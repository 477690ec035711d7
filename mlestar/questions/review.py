"""Questions about a script that was just written: repair, leakage, use of the data (paper, section 3.4)."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import Code, DataUse, Leakage
from mlestar.records.task import Assignment


class RepairScript(Question[Code]):
    """Mend the script; the error is the newest one."""

    assignment: Assignment
    script: str
    error: str


class FindLeakage(Question[Leakage]):
    """Find the code that prepares the data and judge whether it leaks."""

    assignment: Assignment
    script: str


class MendLeakage(Question[Code]):
    """Rewrite the leaking block so that it does not leak."""

    assignment: Assignment
    script: str
    block: str
    reason: str


class CheckDataUse(Question[DataUse]):
    """Judge whether the script uses all the information it is given."""

    assignment: Assignment
    script: str


class UseMoreData(Question[Code]):
    """Extend the script so that it uses what it leaves unused."""

    assignment: Assignment
    script: str
    unused: str
