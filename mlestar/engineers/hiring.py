"""Putting an engineer together from a model of some service and the limits of a study."""

from __future__ import annotations

import os
from collections.abc import Callable

from mlestar.engineers.budget import Budget, BudgetedModel
from mlestar.engineers.llm import LlmEngineer
from mlestar.engineers.model import Model
from mlestar.engineers.options import LlmConfig
from mlestar.engineers.patience import LimitedModel, PatientModel
from mlestar.engineers.prices import price_of
from mlestar.errors import ConfigError
from mlestar.records.settings import Settings

Hire = Callable[[Settings], LlmEngineer]
"""The engineer of one run; all runs of a study share the model, its limits and its budget."""


def hiring(model: Model, config: LlmConfig, budget: Budget) -> Hire:
    """Engineers over one model, within the budget of the study."""
    limited = LimitedModel(BudgetedModel(model, budget), config.max_in_flight)
    patient = PatientModel(
        limited,
        max_attempts=config.max_attempts,
        pause_seconds=config.pause_seconds,
        max_wait_seconds=config.max_wait_seconds,
    )
    return lambda settings: LlmEngineer(patient, max_retry=settings.max_retry)


def check_prices(config: LlmConfig, budget: Budget) -> None:
    """Raises ConfigError when a limit in usd cannot be kept because a price is unknown."""
    unknown = [model for model in config.models() if price_of(config.prices, model) is None]
    if budget.max_usd is not None and unknown:
        raise ConfigError(
            f"settings.max_usd cannot be kept: the price of {', '.join(unknown)} is unknown; "
            "add it to conf/prices.yaml or limit settings.max_tokens"
        )


def key_from(*variables: str) -> str:
    """The key in the first of the environment variables that is set; raises ConfigError when none is."""
    for variable in variables:
        key = os.environ.get(variable, "").strip()
        if key:
            return key
    raise ConfigError(f"no key: set the environment variable {' or '.join(variables)}")
