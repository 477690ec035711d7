"""The engineer that needs no model: a rule for every question, from what strong tabular practitioners do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar, cast

from mlestar.doors import Question
from mlestar.errors import BadAnswer
from mlestar.events import Usage, current_meter
from mlestar.playbook import enhancement, ensemble, initialization, refinement, review, submission
from mlestar.questions.enhancement import AdviseNextRun
from mlestar.questions.ensemble import PlanEnsemble, WriteEnsemble
from mlestar.questions.initialization import MergeScripts, RetrieveModels, SummarizeTask, WriteCandidate
from mlestar.questions.refinement import (
    ChooseTarget,
    PlanBlock,
    ProposeVariations,
    SummarizeAblation,
    WriteBlock,
)
from mlestar.questions.review import CheckDataUse, FindLeakage, MendLeakage, RepairScript, UseMoreData
from mlestar.questions.submission import ApplySubmissionGoal, WriteSubmission
from mlestar.records.base import Record

A = TypeVar("A", bound=Record)
Rule = Callable[[Any], Record]

RULES: Mapping[type[Question[Any]], Rule] = {
    SummarizeTask: initialization.summarize_task,
    RetrieveModels: initialization.retrieve_models,
    WriteCandidate: initialization.write_candidate,
    MergeScripts: initialization.merge_scripts,
    ProposeVariations: refinement.propose_variations,
    SummarizeAblation: refinement.summarize_ablation,
    ChooseTarget: refinement.choose_target,
    PlanBlock: refinement.plan_block,
    WriteBlock: refinement.write_block,
    PlanEnsemble: ensemble.plan_ensemble,
    WriteEnsemble: ensemble.write_ensemble,
    ApplySubmissionGoal: submission.apply_submission_goal,
    WriteSubmission: submission.write_submission,
    RepairScript: review.repair_script,
    FindLeakage: review.find_leakage,
    MendLeakage: review.mend_leakage,
    CheckDataUse: review.check_data_use,
    UseMoreData: review.use_more_data,
    AdviseNextRun: enhancement.advise_next_run,
}


class PlaybookConfig(Record):
    """The engineer `playbook`; it has no settings."""

    kind: Literal["playbook"] = "playbook"


class Playbook:
    """Answers every question by a pure rule: equal questions get equal answers, nothing is downloaded."""

    def __init__(self, rules: Mapping[type[Question[Any]], Rule] = RULES) -> None:
        self._rules = rules

    async def ask(self, question: Question[A]) -> A:
        """Answer; raises BadAnswer when no rule knows what to say."""
        rule = self._rules.get(type(question))
        if rule is None:
            raise BadAnswer(f"the playbook has no rule for {type(question).__name__}")
        answer = cast("A", rule(question))
        meter = current_meter()
        meter.usage = Usage(model="playbook")
        meter.answer = answer.model_dump_json()
        return answer
