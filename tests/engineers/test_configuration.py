"""The YAML files of the engineers are valid, and say the same as the code."""

from __future__ import annotations

import pytest

from mlestar.config import Composition, compose_layers
from mlestar.engineers.options import LlmConfig
from mlestar.engineers.prices import price_of
from mlestar.engineers.services import GeminiConfig, OpenAiConfig, VertexConfig
from mlestar.errors import ConfigError

KINDS: dict[str, type[LlmConfig]] = {"gemini": GeminiConfig, "vertex": VertexConfig, "openai": OpenAiConfig}


def composed(*overrides: str) -> LlmConfig:
    config = Composition(compose_layers(overrides), overrides).app().engineer
    assert isinstance(config, LlmConfig)
    return config


@pytest.mark.parametrize("kind", KINDS)
def test_every_engineer_composes_and_its_models_have_prices(kind: str) -> None:
    config = composed(f"engineer={kind}")
    assert type(config) is KINDS[kind]
    assert [model for model in config.models() if price_of(config.prices, model) is None] == []


@pytest.mark.parametrize("kind", ["gemini", "vertex"])
def test_models_and_repairs_are_searched_for(kind: str) -> None:
    config = composed(f"engineer={kind}")
    assert config.options_for("RetrieveModels", "initialization").search
    assert config.options_for("RepairScript", "review").search
    assert not config.options_for("WriteBlock", "refinement").search


def test_a_group_is_tuned_from_the_command_line() -> None:
    config = composed("engineer=gemini", "+engineer.tuning.refinement={model: gemini-2.5-pro, thinking_level: high}")
    options = config.options_for("PlanBlock", "refinement")
    assert (options.model, options.thinking_level) == ("gemini-2.5-pro", "high")


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("engineer.temperature=7", r"engineer\.temperature=7 \(command line\): .*less than or equal to 2"),
        ("engineer.max_in_flight=0", r"engineer\.max_in_flight=0 \(command line\)"),
        (
            "engineer.thinking_level=enormous",
            r"engineer\.thinking_level=enormous .*'minimal', 'low', 'medium' or 'high'",
        ),
        ("+engineer.tuning.Writing={}", r"Writing is no question; allowed are .*WriteBlock"),
        ("engineer.modle=x", r"engineer\.modle \(command line\): there is no such key"),
    ],
)
def test_a_wrong_value_is_one_line_with_the_key(override: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        composed("engineer=gemini", override)
    assert "\n" not in str(caught.value)
