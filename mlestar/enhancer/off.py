"""The control: no advice at all."""

from __future__ import annotations

from typing import Literal

from mlestar.enhancer.situation import Situation
from mlestar.records.base import Record
from mlestar.records.strategy import Advice, Strategy


class OffEnhancerConfig(Record):
    """`enhancer=off`: nothing is learned from other runs and nothing is carried."""

    kind: Literal["off"] = "off"
    history_scope: Literal["study"] = "study"
    carry_best: Literal[False] = False


class OffEnhancer:
    """Every run is the user's configuration, without goals."""

    async def advise(self, situation: Situation) -> Advice:
        summary = f"The Enhancer is off: run_{situation.run_number} is the user's configuration."
        return Advice(asked="", applied=Strategy(strategic_summary=summary))
