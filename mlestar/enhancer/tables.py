"""The tables of a digest that add up over runs: pure functions to lines, each most informative first."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from mlestar.enhancer.figures import NAME, cut, finite, finite_or, mean, rate
from mlestar.records.digest import (
    AttemptLine,
    ComponentLine,
    CostLine,
    FaultLine,
    FocusLine,
    ModelLine,
    SettingLine,
)
from mlestar.records.run import AttemptSummary, RunSummary
from mlestar.records.settings import OVERRIDABLE
from mlestar.records.solution import CARRIED


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
    ordered = sorted(run.attempts, key=lambda attempt: -finite_or(attempt.gain, -math.inf))
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
    ordered = sorted(run.components, key=lambda component: finite_or(component.gain, math.inf))
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


_VIEW = re.compile(r"^(fold|holdout|group|time|whole|final|audit)(_\d+)?: ")
"""A fault of grading begins with the view it was found on, which is no kind of fault."""


def fault_table(runs: Iterable[RunSummary]) -> tuple[FaultLine, ...]:
    """Failures by kind, the most frequent first; the kind is what stands before the first colon."""
    counts: Counter[str] = Counter()
    examples: dict[str, str] = {}
    for run in runs:
        for fault in (*run.errors, *((run.error,) if run.error else ())):
            kind = cut(_VIEW.sub("", fault).split(":", 1)[0], NAME)
            counts[kind] += 1
            examples[kind] = cut(fault)
    return tuple(FaultLine(kind=kind, count=count, example=examples[kind]) for kind, count in counts.most_common())
