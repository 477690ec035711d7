"""Phase 4: the best script, executed on all of train and the real test, its file checked (paper, section 3.4)."""

from __future__ import annotations

from math import sqrt
from statistics import fmean, stdev

from mlestar.errors import BadAnswer, BudgetExhausted
from mlestar.events import scope
from mlestar.pipeline.review import write_and_try
from mlestar.pipeline.together import together
from mlestar.pipeline.workbench import Workbench, longest_seconds
from mlestar.questions.submission import ApplySubmissionGoal, WriteSubmission
from mlestar.records.solution import Attempt, Script, Submission, Trial

LABEL = "ensemble/final_solution.py"


async def submit(bench: Workbench, ensembles: tuple[Attempt, ...] = ()) -> Submission | None:
    """A valid submission by the best script that can make one; None when none can."""
    waiting = dict(enumerate(await _ranked(bench, ensembles), start=1))
    while waiting:
        rank = _next_rank(bench, waiting)
        trial = waiting.pop(rank)
        kept_seconds = bench.pace.fallback_seconds(rank, [longest_seconds(other) for other in waiting.values()])
        with scope(label=LABEL):
            submission = await _make(bench, trial, rank, kept_seconds)
        if submission is not None:
            bench.keep(LABEL, submission.trial.script.source)
            return submission
    bench.remark("no script made a valid submission", warn=True)
    return None


def _next_rank(bench: Workbench, waiting: dict[int, Trial]) -> int:
    """The best that is left for which there is time; the quickest where there is time for none."""
    for rank, trial in waiting.items():
        if rank == 1 or bench.pace.affords_submission(rank, longest_seconds(trial)):
            return rank
    return min(waiting, key=lambda rank: longest_seconds(waiting[rank]))


async def _ranked(bench: Workbench, ensembles: tuple[Attempt, ...]) -> list[Trial]:
    """Every different script with a score, best first, the one that follows the submission goal before its equal.

    An ensemble goes before a script that is better by less than their scores vary: it depends less on a single model,
    and it uses the time of the submission.
    """
    polished = await _follow_goal(bench)
    ranked: dict[str, Trial] = {} if polished is None else {polished.script.digest: polished}
    for trial in (*_ensembles_as_good(bench, ensembles), *bench.metric.ranked(bench.trials)):
        ranked.setdefault(trial.script.digest, trial)
    return list(ranked.values())


def _ensembles_as_good(bench: Workbench, ensembles: tuple[Attempt, ...]) -> list[Trial]:
    """The ensembles whose lag behind the best script is within one standard error over the folds, best first."""
    best = bench.best
    if best is None:
        return []
    near = [attempt.trial for attempt in ensembles if _lag_is_noise(bench, attempt.trial, best)]
    for trial in near[:1]:
        if trial.script != best.script:
            bench.remark(f"the ensemble's {trial.score:.6g} is submitted: {best.score:.6g} is within the noise of it")
    return bench.metric.ranked(near)


def _lag_is_noise(bench: Workbench, trial: Trial, best: Trial) -> bool:
    folds = list(zip(best.fold_scores, trial.fold_scores, strict=False))
    if trial.score is None or len(folds) < 2:
        return False
    lags = [bench.metric.gain(leading, lagging) for leading, lagging in folds]
    return fmean(lags) <= stdev(lags) / sqrt(len(lags))


async def _follow_goal(bench: Workbench) -> Trial | None:
    """The best script changed as the first submission goal asks, if it is graded no worse."""
    goals = bench.brief.strategy.goals_for("submission") if bench.brief.strategy else ()
    best = bench.best
    label = "ensemble/submission_goal.py"
    if not goals or best is None or best.score is None or not bench.affords(label, bench.seconds_like(best)):
        return None

    assignment = bench.conditions_of(best)

    def write(sample: int) -> ApplySubmissionGoal:
        return ApplySubmissionGoal(assignment=assignment, script=best.script.source, goal=goals[0], sample=sample)

    try:
        polished = await write_and_try(bench, write, label, assignment=assignment)
    except BudgetExhausted as limit:
        bench.remark(f"submission goal {goals[0].focus}: not tried ({limit})", warn=True)
        return None
    if polished is None or polished.score is None or bench.metric.better(best.score, polished.score):
        bench.remark(f"submission goal {goals[0].focus}: not kept")
        return None
    return polished


async def _make(bench: Workbench, trial: Trial, rank: int, kept_seconds: float) -> Submission | None:
    """Execute the very script that was graded; None, with a remark, when its file is not valid.

    It is ended so that `kept_seconds` are left for the next one.
    """
    script = await _with_test_prediction(bench, trial.script)
    if script is None:
        return None
    assignment = bench.whole_machine(bench.pace.final_seconds(rank, kept_seconds))
    examiner = bench.lab.examiner
    views = [examiner.final_view, *([] if examiner.audit_view is None else [examiner.audit_view])]
    final, *audit = await together(
        bench.execute(script, view, assignment, kept_seconds=kept_seconds, hand_over=view is examiner.final_view)
        for view in views
    )
    fault = final.fault if final.status != "ok" else examiner.check_submission(final)
    if fault is not None:
        bench.remark(f"rank {rank} made no valid submission: {fault}", warn=True)
        return None
    return Submission(
        trial=trial.model_copy(update={"script": script}),
        execution=final,
        rank=rank,
        audit_score=examiner.audit(audit[0]) if audit else None,
    )


async def _with_test_prediction(bench: Workbench, script: Script) -> Script | None:
    """The script itself where scoring is graded; with test prediction added where it is reported."""
    if bench.brief.task.scoring == "graded":
        return script
    try:
        code = await bench.ask(WriteSubmission(assignment=bench.assignment, script=script.source))
    except (BadAnswer, BudgetExhausted) as fault:
        bench.remark(f"no submission script ({fault})", warn=True)
        return None
    return Script(source=code.source)
