"""Phase 3: one script out of several, R attempts in total (paper, algorithm 3)."""

from __future__ import annotations

from mlestar.errors import BadAnswer
from mlestar.events import scope
from mlestar.pipeline.refinement import outcomes
from mlestar.pipeline.review import check, write_and_try
from mlestar.pipeline.workbench import Workbench
from mlestar.questions.ensemble import PlanEnsemble, ScoredScript, WriteEnsemble
from mlestar.records.solution import Attempt, Plan, Solution, Trial
from mlestar.records.task import Assignment


async def combine(bench: Workbench, solutions: tuple[Solution, ...]) -> tuple[Attempt, ...]:
    """Ensembles of the best script of each solution, each attempt knowing the earlier ones with their scores.

    A lone script is one too: an engineer puts other models beside its own.
    """
    scripts = _scripts(bench, solutions)
    if not scripts:
        bench.remark("no ensemble: no script has a score")
        return ()
    assignment = bench.whole_machine(*bench.pace.ensemble_seconds())
    attempts: tuple[Attempt, ...] = ()
    for number in range(bench.settings.ensemble_loop_round):
        label = f"ensemble/ensemble{number}.py"
        if not bench.affords(label, _expected_seconds(bench, assignment, attempts)):
            break
        attempt = await _attempt(bench, assignment, scripts, attempts, label)
        if attempt is None:
            break
        attempts += (attempt,)
    return attempts


def _scripts(bench: Workbench, solutions: tuple[Solution, ...]) -> tuple[ScoredScript, ...]:
    """The best script of each solution, best first; a lone solution is joined by the run's next best script."""
    ranked = bench.metric.ranked(solution.best for solution in solutions if solution.best is not None)
    if len(ranked) == 1:
        ranked += bench.metric.ranked(bench.trials)
    chosen: dict[str, Trial] = {}
    for trial in ranked:
        if len(chosen) < max(2, len(solutions)):
            chosen.setdefault(trial.script.digest, trial)
    return tuple(
        ScoredScript(source=trial.script.source, score=trial.score or 0.0, seconds=trial.seconds)
        for trial in chosen.values()
    )


def _expected_seconds(bench: Workbench, assignment: Assignment, attempts: tuple[Attempt, ...]) -> float:
    """As long as the slowest attempt; half of what it is told it may take for the first, which is seldom used up."""
    told = assignment.script_seconds * len(bench.lab.examiner.views)
    return max((attempt.trial.seconds for attempt in attempts), default=told / 2)


async def _attempt(
    bench: Workbench,
    assignment: Assignment,
    scripts: tuple[ScoredScript, ...],
    earlier: tuple[Attempt, ...],
    label: str,
) -> Attempt | None:
    goals = bench.brief.strategy.goals_for("ensemble") if bench.brief.strategy else ()
    question = PlanEnsemble(
        assignment=assignment, scripts=scripts, goal=goals[0] if goals else None, earlier=outcomes(earlier)
    )
    try:
        with scope(label=label):
            idea = await bench.ask(question)
    except BadAnswer as fault:
        bench.remark(f"{label}: no plan ({fault})", warn=True)
        return None

    def write(sample: int) -> WriteEnsemble:
        return WriteEnsemble(assignment=assignment, scripts=scripts, focus=idea.focus, plan=idea.plan, sample=sample)

    trial = await write_and_try(bench, write, label, assignment=assignment)
    if trial is None:
        return None
    if trial.score is None:
        return Attempt(plan=Plan(focus=idea.focus, description=idea.plan), trial=trial)
    trial = await check(bench, trial, label)
    gain = None if trial.score is None else bench.metric.gain(trial.score, scripts[0].score)
    return Attempt(plan=Plan(focus=idea.focus, description=idea.plan), trial=trial, gain=gain)
