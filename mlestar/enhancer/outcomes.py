"""What each run, phase and strategy brought: the part of a digest that is in order of time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from mlestar.enhancer.figures import NAME, cut, finite, gain_of, rate
from mlestar.records.digest import (
    GoalOutcome,
    OverrideOutcome,
    PhaseLine,
    RunLine,
    SettingValue,
    StrategyLine,
)
from mlestar.records.run import PhaseSummary, RunSummary
from mlestar.records.solution import CARRIED
from mlestar.records.strategy import PHASES, Goal, Phase, Strategy


def best_before(runs: Sequence[RunSummary]) -> dict[str, float | None]:
    """For every run, by its MLflow id or name, the best score of the runs of its study before it."""
    best: dict[str, float | None] = {}
    known: dict[str, float | None] = {}
    for run in runs:
        best[identity(run)] = known.get(run.study_id)
        if run.metric.better(run.known_score, known.get(run.study_id)):
            known[run.study_id] = run.known_score
    return best


def identity(run: RunSummary) -> str:
    return run.mlflow_run_id or f"{run.study_id}/{run.run_id}"


def phases_of(run: RunSummary, before: float | None = None) -> tuple[PhaseLine, ...]:
    """The phases of one run with the gain each brought, the first over what was known or carried before the run."""
    for candidate in run.candidates:
        if candidate.model == CARRIED and run.metric.better(candidate.score, before):
            before = candidate.score
    lines = []
    for phase in run.phases:
        line = _phase_line(phase, gain_of(run.metric, phase.best_score, before))
        lines.append(line.model_copy(update=_rounds(run, phase.phase)))
        before = phase.best_score if phase.best_score is not None else before
    return tuple(lines)


def _rounds(run: RunSummary, phase: Phase) -> dict[str, int]:
    """Attempts asked for and carried out in a phase of rounds."""
    settings = run.settings
    asked = {
        "refinement": settings.num_solutions * settings.outer_loop_round * settings.inner_loop_round,
        "ensemble": settings.ensemble_loop_round,
    }
    done = sum(attempt.phase == phase for attempt in run.attempts)
    return {"rounds_asked": asked[phase], "rounds_done": done} if phase in asked else {}


def _phase_line(phase: PhaseSummary, gain: float | None) -> PhaseLine:
    return PhaseLine(
        phase=phase.phase,
        best_score=finite(phase.best_score),
        gain=gain,
        seconds=finite(phase.seconds) or 0.0,
        executions=phase.executions,
        failures=phase.failures,
        gain_per_second=rate(gain, phase.seconds),
    )


def phase_table(runs: Sequence[RunSummary]) -> tuple[PhaseLine, ...]:
    """Each phase over all runs: gains and seconds are sums."""
    before = best_before(runs)
    lines = [line for run in runs for line in phases_of(run, before[identity(run)])]
    return tuple(_summed([line for line in lines if line.phase == phase]) for phase in PHASES if _has(lines, phase))


def _has(lines: Iterable[PhaseLine], phase: str) -> bool:
    return any(line.phase == phase for line in lines)


def _summed(lines: Sequence[PhaseLine]) -> PhaseLine:
    gains = [line.gain for line in lines if line.gain is not None]
    gain = finite(sum(gains)) if gains else None
    seconds = sum(line.seconds for line in lines)
    return PhaseLine(
        phase=lines[0].phase,
        gain=gain,
        seconds=finite(seconds) or 0.0,
        executions=sum(line.executions for line in lines),
        failures=sum(line.failures for line in lines),
        gain_per_second=rate(gain, seconds),
    )


def run_line(run: RunSummary, before: float | None, *, study: str, in_full: bool) -> RunLine:
    """One run; its phases only when it is told in full."""
    return RunLine(
        run=cut(run.run_id, NAME),
        study="" if run.study_id == study else cut(run.study_id, NAME),
        status=run.status,
        score=finite(run.score),
        gain=gain_of(run.metric, run.known_score, before),
        seconds=finite(run.seconds) or 0.0,
        executions=run.cost.executions,
        failures=run.cost.failures,
        usd=finite(run.cost.usd),
        phases=phases_of(run, before) if in_full else (),
        error=cut(run.error),
    )


def strategy_lines(runs: Sequence[RunSummary]) -> tuple[StrategyLine, ...]:
    """The strategies of a study and what followed them, newest first."""
    before = best_before(runs)
    lines = []
    for position, run in enumerate(runs):
        if run.strategy is not None:
            last = runs[position - 1] if position else None
            lines.append(_strategy_line(run, run.strategy, last, before[identity(run)]))
    return tuple(reversed(lines))


def _strategy_line(run: RunSummary, strategy: Strategy, last: RunSummary | None, before: float | None) -> StrategyLine:
    gain = gain_of(run.metric, run.known_score, before)
    held = {} if last is None or last.strategy is None else last.strategy.config_overrides
    return StrategyLine(
        run=run.run_id,
        summary=cut(strategy.strategic_summary),
        overrides=tuple(
            OverrideOutcome(name=name, before=None if last is None else _setting(last, name), after=_word(value))
            for name, value in strategy.config_overrides.items()
            if held.get(name) != value
        ),
        goals=tuple(_goal_outcome(run, goal, before) for goal in strategy.strategic_goals),
        gain=gain,
        seconds_more=None if last is None else finite(run.seconds - last.seconds),
        paid=None if before is None else (gain or 0.0) > 0,
    )


def _setting(run: RunSummary, name: str) -> SettingValue | None:
    return getattr(run.settings, name, None)


def _word(value: SettingValue) -> SettingValue:
    return cut(value, NAME) if isinstance(value, str) else value


def _goal_outcome(run: RunSummary, goal: Goal, before: float | None) -> GoalOutcome:
    """What followed a goal: plans of its focus, or first scripts of its model, whose gain is over the best before."""
    followed = (goal.target_agent_phase, goal.focus)
    gains = [attempt.gain for attempt in run.attempts if (attempt.phase, attempt.focus) == followed]
    if goal.target_agent_phase == "initialization":
        named = [candidate for candidate in run.candidates if goal.focus.casefold() in candidate.model.casefold()]
        gains += [gain_of(run.metric, candidate.score, before) for candidate in named]
    known = [gain for one in gains if (gain := finite(one)) is not None]
    return GoalOutcome(
        phase=goal.target_agent_phase,
        focus=cut(goal.focus, NAME),
        priority=goal.priority,
        tried=len(gains),
        best_gain=max(known, default=None),
    )
