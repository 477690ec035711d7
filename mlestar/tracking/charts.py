"""Charts as places in percent, which a page draws with plain boxes: sharp and readable at any width."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from mlestar.records.base import Record
from mlestar.records.run import RunSummary
from mlestar.records.task import Metric
from mlestar.tracking.timeline import Step, Timeline

SHOWN_SHARE = 0.8
"""Share of the scores that sets the range of a chart; the worse ones sit on its edge."""
MARGIN = 0.08


class Dot(Record):
    """One executed script."""

    x: float
    y: float
    phase: str
    kind: str
    """`inside`, `outside` (worse than the chart shows) or `failed`."""
    title: str


class Band(Record):
    """A stretch of the x axis with a name."""

    left: float
    width: float
    name: str
    even: bool = False


class Tick(Record):
    y: float
    text: str


class ScoreChart(Record):
    """Scores by executed script; y is 0 at the top."""

    dots: tuple[Dot, ...]
    best_line: str
    """Points of an SVG polyline in a 100 x 100 box."""
    bands: tuple[Band, ...]
    ticks: tuple[Tick, ...]
    failures: int
    outside: int


class Bar(Record):
    """A signed value beside a label."""

    label: str
    detail: str
    value: float | None
    left: float
    width: float
    zero: float
    """Where the value nought is; the same for all bars of a chart."""
    text: str


def number(value: float | None) -> str:
    """A number as people read it."""
    return "-" if value is None else f"{value:.5g}"


def score_chart(timelines: Sequence[tuple[str, Timeline]], metric: Metric) -> ScoreChart | None:
    """The scores of one run or several, one after the other; None when nothing was tried."""
    steps = [step for _, timeline in timelines for step in timeline.steps]
    if not steps:
        return None
    low, high = _shown_range([step.score for step in steps], metric)

    def height(score: float) -> float:
        return 100 * (high - min(max(score, low), high)) / (high - low)

    dots = [_dot(step, place, len(steps), height, low, high) for place, step in enumerate(steps)]
    best: float | None = None
    line: list[str] = []
    for place, step in enumerate(steps):
        best = step.score if metric.better(step.score, best) else best
        if best is not None:
            line += [f"{100 * place / len(steps):.2f},{height(best):.2f}"]
            line += [f"{100 * (place + 1) / len(steps):.2f},{height(best):.2f}"]
    return ScoreChart(
        dots=tuple(dots),
        best_line=" ".join(line),
        bands=tuple(_bands(timelines, len(steps))),
        ticks=tuple(Tick(y=height(value), text=number(value)) for value in nice_values(low, high)),
        failures=sum(dot.kind == "failed" for dot in dots),
        outside=sum(dot.kind == "outside" for dot in dots),
    )


def nice_values(low: float, high: float, wanted: int = 5) -> list[float]:
    """About `wanted` round numbers between two numbers."""
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    stride = min((factor * power for factor in (1, 2, 2.5, 5, 10)), key=lambda each: abs(each - raw))
    first = math.ceil(low / stride)
    last = math.floor(high / stride)
    return [round(stride * place, 12) for place in range(first, last + 1)]


def bars(values: Sequence[tuple[str, str, float | None]]) -> tuple[Bar, ...]:
    """Signed bars that share one scale, which reaches from the lowest value, or nought, to the highest."""
    known = [value for _, _, value in values if value is not None]
    low, high = min([0.0, *known]), max([0.0, *known])
    if low == high:
        low, high = 0.0, 1.0
    return tuple(_bar(label, detail, value, low, high) for label, detail, value in values)


def ablation_bars(run: RunSummary) -> tuple[Bar, ...]:
    """What happened without each component; the components that matter most first."""
    parts = sorted(run.components, key=lambda part: (part.gain is None, part.gain or 0.0))
    return bars([(part.component, f"{part.change} · solution {part.solution}", part.gain) for part in parts])


def attempt_bars(run: RunSummary) -> tuple[Bar, ...]:
    """What each plan brought, in order."""
    return bars([(_focus(each.focus, each.phase, each.solution), each.plan, each.gain) for each in run.attempts])


def _focus(focus: str, phase: str, solution: int) -> str:
    return focus.replace("_", " ") + (f" · solution {solution}" if phase == "refinement" else f" · {phase}")


def _shown_range(scores: Sequence[float | None], metric: Metric) -> tuple[float, float]:
    known = sorted((s for s in scores if s is not None), key=lambda s: s if metric.direction == "minimize" else -s)
    if not known:
        return 0.0, 1.0
    shown = known[: max(2, math.ceil(SHOWN_SHARE * len(known)))]
    low, high = min(shown), max(shown)
    margin = MARGIN * (high - low) or 0.01 * abs(high) or 1.0
    return low - margin, high + margin


def _dot(step: Step, place: int, count: int, height: Callable[[float], float], low: float, high: float) -> Dot:
    score = step.score
    kind = "failed" if score is None else "inside" if low <= score <= high else "outside"
    words = [step.scope.label or "script", number(score) if score is not None else step.fault or "no score"]
    return Dot(
        x=100 * (place + 0.5) / count,
        y=100.0 if score is None else height(score),
        phase=step.scope.phase or "",
        kind=kind,
        title=" · ".join([*words, f"{step.seconds:.1f} s"]),
    )


def _bands(timelines: Sequence[tuple[str, Timeline]], count: int) -> list[Band]:
    bands, first = [], 0
    for place, (name, timeline) in enumerate(timelines):
        width = len(timeline.steps)
        bands.append(Band(left=100 * first / count, width=100 * width / count, name=name, even=place % 2 == 0))
        first += width
    return bands


def _bar(label: str, detail: str, value: float | None, low: float, high: float) -> Bar:
    zero = -100 * low / (high - low)
    width = max(100 * abs(value or 0.0) / (high - low), 0.3)
    return Bar(
        label=label,
        detail=detail,
        value=value,
        left=zero - width if value is not None and value < 0 else zero,
        width=width,
        zero=zero,
        text="failed" if value is None else f"{value:+.3g}",
    )
