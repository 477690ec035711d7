"""What the runs of a study come to."""

from __future__ import annotations

from mlestar.records.run import Cost, History


def improvement_percent(history: History) -> float | None:
    """By how many percent of run 0's score the best run is better; None when run 0 has no score, or 0."""
    best = history.best()
    first = history.runs[0].score if history.runs else None
    if best is None or best.score is None or not first:
        return None
    return 100 * best.metric.gain(best.score, first) / abs(first)


def total_cost(history: History) -> Cost:
    """What all runs used together."""
    costs = [run.cost for run in history.runs]
    prices = [cost.usd for cost in costs]
    return Cost(
        calls=sum(cost.calls for cost in costs),
        tokens_in=sum(cost.tokens_in for cost in costs),
        tokens_out=sum(cost.tokens_out for cost in costs),
        usd=None if None in prices else sum(price or 0.0 for price in prices),
        executions=sum(cost.executions for cost in costs),
        execution_seconds=sum(cost.execution_seconds for cost in costs),
        failures=sum(cost.failures for cost in costs),
    )
