"""Reading a prompt back into its question, as a model does: from the words alone.

That this works shows that a prompt says all of its question. Numbers come back with the six digits they were
shown with.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from mlestar.doors import Question
from mlestar.questions import enhancement, ensemble, initialization, refinement, review, submission
from mlestar.records.solution import ModelIdea
from mlestar.records.strategy import Goal
from mlestar.records.task import Metric
from tests.wire.heard_assignment import assignment_in, items, one, quotation_free

Rest = str
Data = dict[str, list[str]]


def heard(prompt: str) -> Question[Any]:
    """The question in the prompt; raises ValueError when it is none of ours."""
    data, rest = quotation_free(prompt)
    asked = rest.rpartition("# The question")[2]
    for opening, reader in READERS.items():
        if asked.strip().startswith(opening):
            again = re.search(r"This is time number (\d+)", asked)
            return reader(data, rest).model_copy(update={"sample": int(again[1]) - 1 if again else 0})
    raise ValueError(f"no question begins like this: {asked.strip()[:80]!r}")


def goals_in(rest: Rest) -> tuple[Goal, ...]:
    found = re.findall(r"^(\d+)\. (\S+) \((\w+)\): (.*)$", rest, re.MULTILINE)
    return tuple(
        Goal(priority=int(rank), focus=focus, target_agent_phase=phase, rationale=why)
        for rank, focus, phase, why in found
    )


def outcomes_in(rest: Rest) -> tuple[refinement.PlanOutcome, ...]:
    shown = rest.partition("# Plans that were carried out before")[2].partition("\n\nA gain is")[0]
    pattern = (
        r"^- (\S+): (.*?)\n  → (?:no score|score (\S+), gain (\S+)), (\S+) s(?:; fault: (.*?))?$"
        r"(?=\n- |\Z)"
    )
    return tuple(
        refinement.PlanOutcome(
            focus=focus,
            plan=plan,
            score=float(score) if score else None,
            gain=float(gain) if gain and gain != "unknown" else None,
            seconds=float(seconds),
            fault=fault or None,
        )
        for focus, plan, score, gain, seconds, fault in re.findall(pattern, shown, re.MULTILINE | re.DOTALL)
    )


def components_in(rest: Rest) -> tuple[refinement.StudiedComponent, ...]:
    pattern = r"^- (.*?) \((.*)\): (?:the variant failed|gain (\S+))$"
    return tuple(
        refinement.StudiedComponent(component=component, change=change, gain=float(gain) if gain else None)
        for component, change, gain in re.findall(pattern, rest, re.MULTILINE)
    )


def scripts_in(data: Data, rest: Rest) -> tuple[ensemble.ScoredScript, ...]:
    measured = re.findall(r"^Solution \d+ scores (\S+) and takes (\S+) s:", rest, re.MULTILINE)
    return tuple(
        ensemble.ScoredScript(source=source, score=float(score), seconds=float(seconds))
        for source, (score, seconds) in zip(data["script"], measured, strict=True)
    )


def _score(rest: Rest) -> float:
    return float(one(r"# The script, which scores (\S+)", rest))


def _script(kind: Callable[..., Question[Any]], **tags: str) -> Callable[[Data, Rest], Question[Any]]:
    """Reader of a question that consists of the assignment, the script and quoted texts."""

    def read(data: Data, rest: Rest) -> Question[Any]:
        texts = {field: data[tag][0] for field, tag in tags.items()}
        return kind(assignment=assignment_in(data, rest), script=data["script"][0], **texts)

    return read


def _planned(data: Data, rest: Rest) -> dict[str, str]:
    return {"focus": one(r"# The plan \((.*)\)", rest), "plan": data["plan"][0]}


def _retrieve(data: Data, rest: Rest) -> Question[Any]:
    taken = re.search(r"answer with different ones: (.*)\.$", rest, re.MULTILINE)
    return initialization.RetrieveModels(
        assignment=assignment_in(data, rest),
        summary=data["summary"][0],
        count=int(one(r"Find (\d+) models? that win", rest)),
        goals=goals_in(rest),
        taken=tuple(taken[1].split("; ")) if taken else (),
    )


def _candidate(data: Data, rest: Rest) -> Question[Any]:
    found_at = re.search(r"^Found at: (.*)$", rest, re.MULTILINE)
    return initialization.WriteCandidate(
        assignment=assignment_in(data, rest),
        summary=data["summary"][0],
        idea=ModelIdea(
            name=one(r"# The model to use\n\n(.*)\n", rest),
            description=data["model_description"][0],
            example_code=data.get("example_code", [""])[0],
            sources=tuple(found_at[1].split()) if found_at else (),
        ),
    )


def _advise(data: Data, rest: Rest) -> Question[Any]:
    own = r"The metric is (\S+) \((lower|higher) is better; predictions are (\w+?)(?:; computed by (.*))?\)\."
    match = re.search(own, rest)
    assert match is not None
    settings = re.findall(r"^- (\w+): now (.*), allowed (.*)$", rest, re.MULTILINE)
    return enhancement.AdviseNextRun(
        digest=data["history"][0],
        metric=Metric.model_validate(
            {
                "name": match[1],
                "direction": "minimize" if match[2] == "lower" else "maximize",
                "needs": match[3],
                "function_path": match[4],
            }
        ),
        adjustable=tuple(
            enhancement.Adjustable(name=name, current=_value(now), allowed=allowed) for name, now, allowed in settings
        ),
        run_number=int(one(r"Run (\d+) is next", rest)),
        runs_left=int(one(r"after it (\d+) more runs?", rest)),
    )


def _value(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


READERS: dict[str, Callable[[Data, Rest], Question[Any]]] = {
    "Say in five to ten sentences": lambda d, r: initialization.SummarizeTask(assignment=assignment_in(d, r)),
    "Find the code that prepares": _script(review.FindLeakage),
    "Find ": _retrieve,
    "Write a simple complete script": _candidate,
    "Integrate the addition": lambda d, r: initialization.MergeScripts(
        assignment=assignment_in(d, r), base=d["base_script"][0], addition=d["additional_script"][0]
    ),
    "An ablation study shall": lambda d, r: refinement.ProposeVariations(
        assignment=assignment_in(d, r),
        script=d["script"][0],
        studied=components_in(r),
        count=int(one(r"Name up to (\d+) components", r)),
    ),
    "Say in three to six sentences": lambda d, r: refinement.SummarizeAblation(
        assignment=assignment_in(d, r), script=d["script"][0], baseline_score=_score(r), components=components_in(r)
    ),
    "Choose the one block": lambda d, r: refinement.ChooseTarget(
        assignment=assignment_in(d, r),
        script=d["script"][0],
        score=_score(r),
        ablation_summary=d["ablation_summary"][0],
        components=components_in(r),
        goals=goals_in(r),
        earlier=outcomes_in(r),
    ),
    "Plan another improvement": lambda d, r: refinement.PlanBlock(
        assignment=assignment_in(d, r),
        script=d["script"][0],
        block=d["block"][0],
        score=_score(r),
        goals=goals_in(r),
        earlier=outcomes_in(r),
        tried=items(r, "All plans tried on this block"),
    ),
    "Rewrite the block so that it carries": lambda d, r: refinement.WriteBlock(
        assignment=assignment_in(d, r), script=d["script"][0], block=d["block"][0], **_planned(d, r)
    ),
    "Plan how to combine": lambda d, r: ensemble.PlanEnsemble(
        assignment=assignment_in(d, r),
        scripts=scripts_in(d, r),
        goal=next(iter(goals_in(r)), None),
        earlier=outcomes_in(r),
    ),
    "Write one self-contained script": lambda d, r: ensemble.WriteEnsemble(
        assignment=assignment_in(d, r), scripts=scripts_in(d, r), **_planned(d, r)
    ),
    "Mend the script": _script(review.RepairScript, error="error"),
    "Rewrite the block so that it does the same": _script(review.MendLeakage, block="block", reason="reason"),
    "Judge whether the script uses": _script(review.CheckDataUse),
    "Extend the script": _script(review.UseMoreData, unused="unused"),
    "Change the script as the goal asks": lambda d, r: submission.ApplySubmissionGoal(
        assignment=assignment_in(d, r), script=d["script"][0], goal=goals_in(r)[0]
    ),
    "The script has so far measured itself": _script(submission.WriteSubmission),
    "Decide what the next run": _advise,
}
"""How each question begins; the first that fits is taken."""
