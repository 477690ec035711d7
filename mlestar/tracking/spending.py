"""What language models cost, by phase and by model: where the tokens of a run went."""

from __future__ import annotations

import re
from collections import Counter

from mlestar.events import Answered, Event

REFUSED = re.compile(r"[^\w\-. :/]")
"""What MLflow takes in no name of a metric."""


class Spending:
    """Adds up tokens and usd for each phase and model. Answers without tokens, a rule book's, have no part in it."""

    def __init__(self) -> None:
        self._sums: Counter[str] = Counter()
        self._usd: dict[str, float | None] = {}
        self._models: dict[str, None] = {}

    def note(self, event: Event) -> None:
        """Count an answer, failed ones included."""
        if not isinstance(event, Answered) or not (event.usage.tokens_in or event.usage.tokens_out):
            return
        usage = event.usage
        self._models[usage.model] = None
        place = f"llm/{event.scope.phase or 'advice'}/{REFUSED.sub('_', usage.model)}"
        for name, count in (("tokens_in", usage.tokens_in), ("tokens_out", usage.tokens_out), ("calls", 1)):
            self._sums[f"{place}/{name}"] += count
        known = self._usd.get(place, 0.0)
        self._usd[place] = None if known is None or usage.usd is None else known + usage.usd

    def metrics(self) -> dict[str, float]:
        """`llm/refinement/gemini-3.5-flash/tokens_in` and so on; no usd where a price is unknown."""
        priced = {f"{place}/usd": usd for place, usd in self._usd.items() if usd is not None}
        return {**{name: float(count) for name, count in self._sums.items()}, **priced}

    def models(self) -> str:
        """Names of the models that answered, in the order of their first answers; empty when none did."""
        return ", ".join(self._models)
