"""What tokens cost. Prices are configuration: a model that is not listed counts tokens and has no price."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from mlestar.records.base import Record

ANY_MODEL = "*"


class Price(Record):
    """Prices of one model."""

    input_usd: Annotated[float, Field(ge=0)]
    """For a million tokens of prompt."""
    output_usd: Annotated[float, Field(ge=0)]
    """For a million tokens of answer, thinking included."""
    search_usd: Annotated[float, Field(ge=0)] = 0.0
    """For one search of the web."""

    def of(self, tokens_in: int, tokens_out: int, searches: int = 0) -> float:
        """Price of one call in usd."""
        return (tokens_in * self.input_usd + tokens_out * self.output_usd) / 1_000_000 + searches * self.search_usd


def price_of(prices: dict[str, Price], model: str) -> Price | None:
    """The price listed for the model, or for every model (`*`); None when it is unknown."""
    return prices.get(model) or prices.get(model.removeprefix("models/")) or prices.get(ANY_MODEL)
