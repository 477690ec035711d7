"""The tables of a digest: pure functions from runs to lines, each most informative first."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from mlestar.records.digest import (
    AttemptLine,
    ComponentLine,
    CostLine,
    FaultLine,
    FocusLine,
    GoalOutcome,
    ModelLine,
    OverrideOutcome,
    PhaseLine,
    RunLine,
    SettingLine,
    SettingValue,
    StrategyLine,
)
from mlestar.records.run import AttemptSummary, PhaseSummary, RunSummary
from mlestar.records.settings import OVERRIDABLE
from mlestar.records.solution import CARRIED
from mlestar.records.strategy import PHASES, Phase, Strategy
from mlestar.records.task import Metric

NAME = 80
"""Characters kept of a name."""
TEXT = 240
"""Characters kept of a sentence."""


def cut(text: str | None, characters: int = TEXT) -> str:
    """One line of at most so many characters; what is cut shows as an ellipsis."""
    line = " ".join((text or "").split())
    return line if len(line) <= characters else line[: characters - 1] + "…"


def finite(value: float | None) -> float | None:
    """The value to six significant digits; None for NaN and infinities."""
    return None if value is None or not math.isfinite(value) else float(f"{value:.6g}")


def gain_of(metric: Metric, score: float | None, before: float | None) -> float | None:
    """Gain over an earlier score; absent when either is."""
    if finite(score) is None or finite(before) is None:
        return None
    return finite(metric.gain(score or 0.0, before or 0.0))


def best_before(runs: Sequence[RunSummary]) -> dict[str, float | None]:
    """For every run, by its MLflow id or name, the best score of the runs of its study before it."""
    best: dict[str, float | None] = {}
    known: dict[str, float | None] = {}
    for run in runs:
        best[identity(run)] = known.get(run.study_id)
        if run.metric.better(run.score, known.get(run.study_id)):
            known[run.study_id] = run.score
    return best


def identity(run: RunSummary) -> str:
    return run.mlflow_run_id or f"{run.study_id}/{run.run_id}"


def mean(values: Iterable[float]) -> float | None:
    held = list(values)
    return finite(sum(held) / len(held)) if held else None


def setting_lines(run: RunSummary) -> tuple[SettingLine, ...]:
    """The effective settings of a run and their layers."""
    return tuple(
        SettingLine(name=name, value=getattr(run.settings, name), layer=run.setting_layers.get(name, "defaults"))
        for name in OVERRIDABLE
    )


def cost_line(runs: Iterable[RunSummary]) -> CostLine:
    held = list(runs)
    prices = [run.cost.usd for run in held]
    return CostLine(
        seconds=finite(sum(run.seconds for run in held)) or 0.0,
        calls=sum(run.cost.calls for run in held),
        tokens=sum(run.cost.tokens_in + run.cost.tokens_out for run in held),
        usd=None if None in prices else finite(sum(price or 0.0 for price in prices)),
        executions=sum(run.cost.executions for run in held),
        failures=sum(run.cost.failures for run in held),
    )


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


def rate(gain: float | None, seconds: float) -> float | None:
    return None if gain is None else finite(max(gain, 0.0) / max(seconds, 1.0))


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


def focus_table(runs: Iterable[RunSummary]) -> tuple[FocusLine, ...]:
    """Plans by phase and focus, the most paying first."""
    groups: dict[tuple[str, str], list[tuple[AttemptSummary, str]]] = defaultdict(list)
    for run in runs:
        for attempt in run.attempts:
            groups[attempt.phase, cut(attempt.focus, NAME)].append((attempt, run.run_id))
    lines = [_focus_line(focus, attempts) for (_, focus), attempts in groups.items()]
    return tuple(sorted(lines, key=lambda line: (-(line.gain_per_second or 0.0), -line.paid, -line.tried)))


def _focus_line(focus: str, attempts: Sequence[tuple[AttemptSummary, str]]) -> FocusLine:
    gains = [gain for attempt, _ in attempts if (gain := finite(attempt.gain)) is not None]
    seconds = sum(attempt.seconds for attempt, _ in attempts)
    return FocusLine(
        phase=attempts[0][0].phase,
        focus=focus,
        tried=len(attempts),
        paid=sum(gain > 0 for gain in gains),
        failed=sum(finite(attempt.score) is None for attempt, _ in attempts),
        best_gain=max(gains, default=None),
        mean_gain=mean(gains),
        seconds=finite(seconds) or 0.0,
        gain_per_second=rate(sum(max(gain, 0.0) for gain in gains), seconds) if gains else None,
        last_run=attempts[-1][1],
    )


def model_table(runs: Sequence[RunSummary]) -> tuple[ModelLine, ...]:
    """First scripts by model, the best score first."""
    groups = defaultdict(list)
    for run in runs:
        for candidate in run.candidates:
            if candidate.model == CARRIED:
                continue
            groups[cut(candidate.model, NAME)].append(candidate)
    lines = []
    for model, candidates in groups.items():
        best = runs[-1].metric.best(candidates)
        lines.append(
            ModelLine(
                model=model,
                tried=len(candidates),
                failed=sum(finite(candidate.score) is None for candidate in candidates),
                best_score=None if best is None else finite(best.score),
                mean_seconds=mean(candidate.seconds for candidate in candidates) or 0.0,
            )
        )
    sign = 1 if runs and runs[-1].metric.direction == "minimize" else -1
    return tuple(sorted(lines, key=lambda line: math.inf if line.best_score is None else sign * line.best_score))


def attempt_lines(run: RunSummary) -> tuple[AttemptLine, ...]:
    """The plans of one run, the largest gain first."""
    ordered = sorted(run.attempts, key=lambda attempt: -_or(attempt.gain, -math.inf))
    return tuple(
        AttemptLine(
            phase=attempt.phase,
            solution=attempt.solution,
            step=attempt.step,
            focus=cut(attempt.focus, NAME),
            plan=cut(attempt.plan),
            score=finite(attempt.score),
            gain=finite(attempt.gain),
            seconds=finite(attempt.seconds) or 0.0,
            fault=cut(attempt.fault),
        )
        for attempt in ordered
    )


def component_lines(run: RunSummary) -> tuple[ComponentLine, ...]:
    """The ablations of one run, the component that matters most first."""
    ordered = sorted(run.components, key=lambda component: _or(component.gain, math.inf))
    return tuple(
        ComponentLine(
            solution=component.solution,
            step=component.step,
            component=cut(component.component, NAME),
            change=cut(component.change),
            gain=finite(component.gain),
        )
        for component in ordered
    )


def _or(value: float | None, otherwise: float) -> float:
    """The finite value or the other, so that orders are total."""
    held = finite(value)
    return otherwise if held is None else held


def fault_table(runs: Iterable[RunSummary]) -> tuple[FaultLine, ...]:
    """Failures by kind, the most frequent first; the kind is what stands before the first colon."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for run in runs:
        for fault in (*run.errors, *((run.error,) if run.error else ())):
            kind = cut(fault.split(":", 1)[0], NAME)
            counts[kind] += 1
            examples[kind] = cut(fault)
    return tuple(FaultLine(kind=kind, count=count, example=examples[kind]) for kind, count in counts.most_common())


def run_line(run: RunSummary, before: float | None, *, study: str, in_full: bool) -> RunLine:
    """One run; its phases only when it is told in full."""
    return RunLine(
        run=cut(run.run_id, NAME),
        study="" if run.study_id == study else cut(run.study_id, NAME),
        status=run.status,
        score=finite(run.score),
        audit_score=finite(run.audit_score),
        gain=gain_of(run.metric, run.score, before),
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
    gain = gain_of(run.metric, run.score, before)
    held = {} if last is None or last.strategy is None else last.strategy.config_overrides
    return StrategyLine(
        run=run.run_id,
        summary=cut(strategy.strategic_summary),
        overrides=tuple(
            OverrideOutcome(name=name, before=None if last is None else _setting(last, name), after=_word(value))
            for name, value in strategy.config_overrides.items()
            if held.get(name) != value
        ),
        goals=tuple(
            _goal_outcome(run, goal.target_agent_phase, goal.focus, goal.priority) for goal in strategy.strategic_goals
        ),
        gain=gain,
        seconds_more=None if last is None else finite(run.seconds - last.seconds),
        paid=None if before is None else (gain or 0.0) > 0,
    )


def _setting(run: RunSummary, name: str) -> SettingValue | None:
    return getattr(run.settings, name, None)


def _word(value: SettingValue) -> SettingValue:
    return cut(value, NAME) if isinstance(value, str) else value


def _goal_outcome(run: RunSummary, phase: str, focus: str, priority: int) -> GoalOutcome:
    followed = [attempt for attempt in run.attempts if attempt.phase == phase and attempt.focus == focus]
    asked = focus.casefold() if phase == "initialization" else None
    models = sum(candidate.model.casefold() == asked for candidate in run.candidates)
    gains = [gain for attempt in followed if (gain := finite(attempt.gain)) is not None]
    return GoalOutcome.model_validate(
        {
            "phase": phase,
            "focus": cut(focus, NAME),
            "priority": priority,
            "tried": len(followed) + models,
            "best_gain": max(gains, default=None),
        }
    )
