"""Arms of a benchmark compared pair by pair: the differences, their bootstrap interval, a table and a plot."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mlestar.records.base import Record

ARMS = ("advised", "bayes", "long", "repeated")
DRAWS = 4_000
FEWEST_PAIRS = 6
FEWEST_SETS = 3
"""An interval of fewer pairs, or of the seeds of a few data sets, would look surer than it is."""


class Outcome(Record):
    """What one arm reached on one data set with one seed."""

    data: str
    seed: int
    arm: str
    validation: float | None
    sealed: float | None
    """Score of the chosen submission on the sealed rows."""
    seconds: float
    runs: int
    direction: str
    changes: tuple[str, ...] = ()
    """What the Enhancer changed, run by run."""


def differences(outcomes: Iterable[Outcome], arm: str, control: str) -> dict[str, list[float]]:
    """By data set, by how many percent of their mean sealed score the arm is better, seed by seed."""
    held = {(one.data, one.seed, one.arm): one for one in outcomes}
    found: dict[str, list[float]] = {}
    for (data, seed, name), one in sorted(held.items()):
        other = held.get((data, seed, control))
        if name != arm or other is None or one.sealed is None or other.sealed is None:
            continue
        size = max(abs(one.sealed) + abs(other.sealed), 1e-9)
        sign = -1.0 if one.direction == "minimize" else 1.0
        found.setdefault(data, []).append(200 * sign * (one.sealed - other.sealed) / size)
    return found


def interval(groups: dict[str, list[float]]) -> tuple[float, float, float]:
    """Mean over data sets and its 95 % interval: sets are drawn anew, then seeds within each."""
    values = [np.array(group) for group in groups.values()]
    random = np.random.default_rng(0)
    means = [
        np.mean([random.choice(values[k], len(values[k])).mean() for k in random.integers(0, len(values), len(values))])
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.mean([value.mean() for value in values])), float(low), float(high)


def comparison_table(outcomes: list[Outcome]) -> str:
    """Markdown: sealed scores by set and arm, then the paired differences with their intervals."""
    arms = [arm for arm in ARMS if any(one.arm == arm for one in outcomes)]
    lines = ["| data set | " + " | ".join(arms) + " |", "|---" * (len(arms) + 1) + "|"]
    for data in dict.fromkeys(one.data for one in outcomes):
        row = [mean_of(one.sealed for one in outcomes if (one.data, one.arm) == (data, arm)) for arm in arms]
        lines.append(f"| {data} | " + " | ".join(shown(value) for value in row) + " |")
    row = [mean_of(one.seconds for one in outcomes if one.arm == arm) for arm in arms]
    lines += ["| seconds used | " + " | ".join(f"{value or 0:.0f}" for value in row) + " |", ""]
    lines += ["| better by, % | mean | 95 % interval | pairs won |", "|---|---|---|---|"]
    for arm, control in pairs(arms):
        groups = differences(outcomes, arm, control)
        if groups:
            middle, low, high = interval(groups)
            every = [value for group in groups.values() for value in group]
            ties = sum(value == 0 for value in every)
            won = f"{sum(value > 0 for value in every)} of {len(every)}" + f", {ties} level" * (ties > 0)
            span = (
                f"{low:+.2f} … {high:+.2f}"
                if tells_enough(groups)
                else f"needs {FEWEST_PAIRS} pairs of {FEWEST_SETS} sets"
            )
            lines.append(f"| {arm} over {control} | {middle:+.2f} | {span} | {won} |")
    return "\n".join(lines) + "\n\n" + table_by_set(outcomes, arms)


def tells_enough(groups: dict[str, list[float]]) -> bool:
    """Whether there are pairs enough for an interval."""
    return len(groups) >= FEWEST_SETS and sum(map(len, groups.values())) >= FEWEST_PAIRS


def table_by_set(outcomes: list[Outcome], arms: list[str]) -> str:
    """Markdown: the mean difference of each pair of arms, data set by data set."""
    compared = pairs(arms)
    found = [differences(outcomes, arm, control) for arm, control in compared]
    lines = ["| better by, % | " + " | ".join(f"{arm} over {control}" for arm, control in compared) + " |"]
    lines.append("|---" * (len(compared) + 1) + "|")
    for data in dict.fromkeys(one.data for one in outcomes):
        means = [f"{np.mean(groups[data]):+.2f}" if data in groups else "" for groups in found]
        lines.append(f"| {data} | " + " | ".join(means) + " |")
    return "\n".join(lines) + "\n"


def pairs(arms: list[str]) -> list[tuple[str, str]]:
    controls = ("long", "repeated", "bayes")
    wanted = [(arm, control) for arm in ("advised", "bayes") for control in controls if arm != control]
    return [(arm, control) for arm, control in wanted if arm in arms and control in arms]


def mean_of(values: Iterable[float | None]) -> float | None:
    held = [value for value in values if value is not None]
    return float(np.mean(held)) if held else None


def shown(score: float | None) -> str:
    return "none" if score is None else f"{score:.5g}"


def plot_of(outcomes: list[Outcome]) -> str:
    """A self-contained page: each pair a dot by data set, the mean with its interval on top."""
    import plotly.graph_objects as go

    figure = go.Figure()
    arms = [arm for arm in ARMS if any(one.arm == arm for one in outcomes)]
    for arm, control in pairs(arms):
        groups = differences(outcomes, arm, control)
        if not groups:
            continue
        name = f"{arm} over {control}"
        points = [(value, data) for data, group in groups.items() for value in group]
        figure.add_scatter(x=[p[0] for p in points], y=[p[1] for p in points], mode="markers", name=name)
        middle, low, high = interval(groups)
        if not tells_enough(groups):
            continue
        error = {"type": "data", "symmetric": False, "array": [high - middle], "arrayminus": [middle - low]}
        figure.add_scatter(x=[middle], y=[f"mean, {name}"], error_x=error, mode="markers", name=f"mean, {name}")
    figure.update_layout(title="Better on sealed rows by, % of the mean score", template="plotly_white")
    figure.add_vline(x=0)
    return str(figure.to_html(include_plotlyjs=True))
