"""From a question that asks for a script to a reviewed trial: execute, repair, start afresh, check (paper, sec. 3.4).

Bounds: `max_rollback_round` scripts are written in total, each is repaired at most `max_debug_round` times; the
engineer itself asks again at most `max_retry` times for an answer that is malformed.
"""

from __future__ import annotations

from collections.abc import Callable

from mlestar.doors import Question
from mlestar.errors import BadAnswer
from mlestar.events import current_scope, scope
from mlestar.pipeline.workbench import Workbench
from mlestar.questions.answers import Code
from mlestar.questions.blocks import replace_block
from mlestar.questions.review import CheckDataUse, FindLeakage, MendLeakage, RepairScript, UseMoreData
from mlestar.records.solution import Script, Trial
from mlestar.records.task import Assignment

_ERROR_CHARACTERS = 4_000
"""Length of the output tail shown for a repair."""

Write = Callable[[int], Question[Code]]
"""The question for a script; the number is the sample: 0 first, higher after each fresh start."""


async def write_and_try(
    bench: Workbench,
    write: Write,
    label: str,
    *,
    into: Callable[[str], str] = lambda source: source,
    assignment: Assignment | None = None,
) -> Trial | None:
    """The trial of a script that works, or the last that does not; None when nobody could write one.

    `into` makes the whole script of what was written, for example by replacing a block.
    """
    trial: Trial | None = None
    for sample in range(bench.settings.max_rollback_round):
        if sample and not bench.affords(f"{label}, start {sample + 1}", bench.seconds_like(trial)):
            break
        with scope(label=label):
            try:
                code = await bench.ask(write(sample))
                script = Script(source=into(code.source))
            except BadAnswer as fault:
                bench.remark(f"{label}: no usable script ({fault})", warn=True)
                continue
            trial = await try_and_repair(bench, script, assignment or bench.assignment)
        if trial.score is not None:
            return trial
        bench.remark(
            f"{label}: start {sample + 1} of {bench.settings.max_rollback_round} is given up ({trial.fault})", warn=True
        )
    return trial


async def try_and_repair(bench: Workbench, script: Script, assignment: Assignment) -> Trial:
    """Evaluate the script; while it fails, have it repaired with the newest error in view."""
    trial = await bench.evaluate(script, assignment)
    for number in range(bench.settings.max_debug_round):
        if trial.score is not None or not _affords_repair(bench, trial, number):
            break
        question = RepairScript(assignment=assignment, script=trial.script.source, error=error_text(trial))
        try:
            repaired = Script(source=(await bench.ask(question)).source)
        except BadAnswer as fault:
            bench.remark(f"no repair ({fault})", warn=True)
            break
        if repaired == trial.script:
            break
        trial = await bench.evaluate(repaired, assignment)
    return trial


def _affords_repair(bench: Workbench, failed: Trial, number: int) -> bool:
    """Whether a script that takes as long as the failing one did may be tried again."""
    return bench.affords(
        f"repair {number} of {failed.script.digest} for {current_scope().label}", bench.seconds_like(failed)
    )


def error_text(trial: Trial) -> str:
    """What a repair is shown: the fault and the end of what the failing execution printed."""
    failed = next((execution for execution in trial.executions if execution.status != "ok"), None)
    output = "" if failed is None else (failed.stderr_tail or failed.stdout_tail)
    return f"{trial.fault}\n\n{output[-_ERROR_CHARACTERS:]}".strip()


def _switched_on(switch: str, *, auto: bool) -> bool:
    return auto if switch == "auto" else switch == "on"


async def check(bench: Workbench, trial: Trial, label: str) -> Trial:
    """The trial after the checks that the settings ask for: use of the data, then leakage."""
    if bench.settings.use_data_usage_checker == "on":
        trial = await _check_data_use(bench, trial, label)
    reported = bench.brief.task.scoring == "reported"
    if _switched_on(bench.settings.use_data_leakage_checker, auto=reported):
        trial = await check_leakage(bench, trial, label)
    return trial


async def _check_data_use(bench: Workbench, trial: Trial, label: str) -> Trial:
    """An extension that uses more of the data, if one is needed and it is better."""
    source = trial.script.source
    with scope(label=label):
        try:
            found = await bench.ask(CheckDataUse(assignment=bench.assignment, script=source))
        except BadAnswer as fault:
            bench.remark(f"{label}: use of the data not checked ({fault})", warn=True)
            return trial
    if found.complete:
        return trial
    bench.remark(f"{label}: not all data is used: {found.unused}")

    def extend(sample: int) -> UseMoreData:
        return UseMoreData(assignment=bench.assignment, script=source, unused=found.unused, sample=sample)

    extended = await write_and_try(bench, extend, label.replace(".py", "_data_use.py"))
    return extended if extended is not None and bench.metric.better(extended.score, trial.score) else trial


async def check_leakage(bench: Workbench, trial: Trial, label: str) -> Trial:
    """The trial without its leak.

    Where the score is reported a leak makes it worthless, so the mended script stands even when its score is lower;
    a graded score cannot be inflated by a leak, so there the better script stands.
    """
    source = trial.script.source
    with scope(label=label):
        try:
            found = await bench.ask(FindLeakage(assignment=bench.assignment, script=source))
        except BadAnswer as fault:
            bench.remark(f"{label}: leakage not checked ({fault})", warn=True)
            return trial
    if not found.leaks:
        return trial
    bench.remark(f"{label}: leaks: {found.reason}", warn=True)

    def mend(sample: int) -> MendLeakage:
        return MendLeakage(
            assignment=bench.assignment, script=source, block=found.block, reason=found.reason, sample=sample
        )

    mended = await write_and_try(
        bench, mend, label.replace(".py", "_no_leak.py"), into=lambda block: replace_block(source, found.block, block)
    )
    if bench.brief.task.scoring == "reported":
        return mended if mended is not None else trial.model_copy(update={"score": None, "fault": "leaks"})
    return mended if mended is not None and bench.metric.better(mended.score, trial.score) else trial
