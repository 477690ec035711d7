"""Which Enhancer: the union of their configurations and the one place that builds one.

A new Enhancer is one file with its configuration, one entry here and one YAML.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlestar.doors import Engineer
from mlestar.enhancer.advise import EngineerEnhancer, EngineerEnhancerConfig
from mlestar.enhancer.bayes import BayesEnhancer, BayesEnhancerConfig
from mlestar.enhancer.off import OffEnhancer, OffEnhancerConfig
from mlestar.enhancer.situation import Enhancer

EnhancerConfig = Annotated[
    EngineerEnhancerConfig | BayesEnhancerConfig | OffEnhancerConfig, Field(discriminator="kind")
]


def build_enhancer(config: EnhancerConfig, engineer: Engineer) -> Enhancer:
    """The Enhancer a configuration names; only one of them asks the engineer."""
    match config:
        case EngineerEnhancerConfig():
            return EngineerEnhancer(config, engineer)
        case BayesEnhancerConfig():
            return BayesEnhancer(config)
        case OffEnhancerConfig():
            return OffEnhancer()
