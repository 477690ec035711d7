"""The Enhancer as a sampler: Optuna proposes the numeric settings, the runs kept in MLflow are its trials.

It knows nothing but settings and scores, which makes it the second control besides `off`. Since its trials are read
back from MLflow, it goes on across studies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from pydantic import Field, JsonValue, field_validator

from mlestar.enhancer.advise import HistoryScope
from mlestar.enhancer.situation import Situation, comparable
from mlestar.enhancer.validate import validated
from mlestar.questions.answers import StrategyProposal
from mlestar.records.base import Record
from mlestar.records.run import RunSummary
from mlestar.records.settings import OVERRIDABLE, Bounds, Settings, bounds_of
from mlestar.records.strategy import Advice

SEARCHED: tuple[str, ...] = (
    "num_solutions",
    "num_model_candidates",
    "outer_loop_round",
    "inner_loop_round",
    "ensemble_loop_round",
    "num_top_plans",
)
"""Settings that shape a search; repairs and limits only matter when something goes wrong."""


class BayesEnhancerConfig(Record):
    """`enhancer=bayes`."""

    kind: Literal["bayes"] = "bayes"
    history_scope: HistoryScope = "task"
    """Which runs are trials; those of other tasks never are."""
    carry_best: bool = True
    settings: tuple[str, ...] = SEARCHED
    """The numeric settings to search."""
    startup_runs: int = Field(default=3, ge=0)
    """Runs before the sampler trusts its model."""

    @field_validator("settings")
    @classmethod
    def _are_numeric(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        numeric = [name for name in OVERRIDABLE if not bounds_of(name).choices]
        wrong = sorted(set(names) - set(numeric))
        if wrong:
            raise ValueError(f"{', '.join(wrong)}: not a numeric setting; allowed are {', '.join(numeric)}")
        return names


class BayesEnhancer:
    """A tree-structured Parzen estimator over the settings; it sets no goals. Equal situations give equal advice."""

    def __init__(self, config: BayesEnhancerConfig) -> None:
        self._config = config

    async def advise(self, situation: Situation) -> Advice:
        space = search_space(self._config.settings, situation)
        trials = [trial for run in comparable_runs(situation) if (trial := as_trial(run, space)) is not None]
        if not space or not trials:
            reason = "nothing may be changed" if not space else "no run to learn from"
            return validated(StrategyProposal(strategic_summary=f"Optuna proposes nothing: {reason}."), situation)
        overrides: dict[str, JsonValue] = dict(propose(space, trials, situation, self._config.startup_runs))
        told = ", ".join(f"{name}={value}" for name, value in overrides.items())
        summary = f"Optuna (TPE), after {len(trials)} runs of this task, proposes {told}."
        return validated(StrategyProposal(strategic_summary=summary, config_overrides=overrides), situation)


def search_space(names: Sequence[str], situation: Situation) -> dict[str, BaseDistribution]:
    """A distribution for each setting that may be changed; never beyond the time the user gave."""
    return {
        name: _distribution(bounds_of(name), situation.settings) for name in names if name in situation.adjustable()
    }


def _distribution(bounds: Bounds, settings: Settings) -> BaseDistribution:
    """Logarithmic where a factor means more than a step: from 1 upwards."""
    low = bounds.low or 0.0
    if bounds.whole:
        return IntDistribution(int(low), int(bounds.high or low), log=low >= 1)
    return FloatDistribution(low, max(low, min(bounds.high or math.inf, settings.computational_budget)), log=True)


def comparable_runs(situation: Situation) -> list[RunSummary]:
    """Ended runs on the task's data by its metric, in order."""
    runs = (*situation.earlier.runs, *situation.history.runs)
    task = situation.task or next((run.task for run in reversed(runs)), "")
    data = "" if situation.traits is None else situation.traits.digest
    return [run for run in runs if comparable(run, task, situation.metric, data)]


def as_trial(run: RunSummary, space: dict[str, BaseDistribution]) -> FrozenTrial | None:
    """A run as a trial; one without a score counts as worse than any other. None outside the space."""
    params = {name: _within(distribution, getattr(run.settings, name)) for name, distribution in space.items()}
    if not all(_holds(distribution, params[name]) for name, distribution in space.items()):
        return None
    if run.score is None or not math.isfinite(run.score):
        return create_trial(state=TrialState.PRUNED, params=params, distributions=space)
    return create_trial(params=params, distributions=space, value=run.score)


def _within(distribution: BaseDistribution, value: float) -> float:
    """A time limit beyond the user's budget counts as the budget: it is never reached."""
    return min(value, distribution.high) if isinstance(distribution, FloatDistribution) else value


def _holds(distribution: BaseDistribution, value: float) -> bool:
    if isinstance(distribution, IntDistribution | FloatDistribution):
        return distribution.low <= value <= distribution.high
    return False


def propose(
    space: dict[str, BaseDistribution], trials: Sequence[FrozenTrial], situation: Situation, startup_runs: int
) -> dict[str, int | float]:
    """The settings of the next trial; the seed moves with the number of trials, or each start would be the same."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=situation.settings.seed + len(trials), n_startup_trials=startup_runs)
    study = optuna.create_study(direction=situation.metric.direction, sampler=sampler)
    study.add_trials(trials)
    return dict(study.ask(space).params)
