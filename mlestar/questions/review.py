"""Questions about a script that was just written: repair, leakage, use of the data (paper, section 3.4)."""

from __future__ import annotations

from mlestar.doors import Question
from mlestar.questions.answers import Code, DataUse, Leakage
from mlestar.questions.blocks import replacement_fault, statements_fault
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

    def misfit(self, answer: Leakage) -> str | None:
        """A block that leaks has to be whole statements that stand in the script exactly once."""
        return statements_fault(self.script, answer.block) if answer.leaks else None


class MendLeakage(Question[Code]):
    """Rewrite the leaking block so that it does not leak."""

    assignment: Assignment
    script: str
    block: str
    reason: str

    def misfit(self, answer: Code) -> str | None:
        """The script has to compile with the new block in place."""
        return replacement_fault(self.script, self.block, answer.source)


class CheckDataUse(Question[DataUse]):
    """Judge whether the script uses all the information it is given."""

    assignment: Assignment
    script: str


class UseMoreData(Question[Code]):
    """Extend the script so that it uses what it leaves unused."""

    assignment: Assignment
    script: str
    unused: str
