"""Asks the configured engineer one question and says how it went: the model, the time, the tokens, the price.

python -m mlestar.check engineer=gemini
python -m mlestar.check engineer=openai engineer.base_url=http://127.0.0.1:11434/v1 engineer.model=qwen3-coder
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import TextIO

from mlestar.choice import EngineerConfig, open_engineer
from mlestar.config import Composition, compose_layers
from mlestar.engineers.budget import Budget
from mlestar.engineers.options import LlmConfig
from mlestar.errors import MleStarError, UserError
from mlestar.events import Meter, metered
from mlestar.questions.initialization import WriteCandidate
from mlestar.records.settings import Settings
from mlestar.records.solution import ModelIdea
from mlestar.records.task import Assignment, ColumnProfile, Metric, SubmissionFormat, TableProfile

IDEA = ModelIdea(name="LightGBM", description="Gradient-boosted trees with small leaves.")
ASSIGNMENT = Assignment(
    description="Predict the price of a flat from its area and its floor.",
    kind="regression",
    target="price",
    metric=Metric(name="rmse", direction="minimize", needs="values"),
    submission=SubmissionFormat(id_column=None, columns=("price",)),
    profile=TableProfile(
        train_rows=500,
        test_rows=100,
        columns=(
            ColumnProfile(name="area", kind="numeric", missing_share=0.0, unique_count=300, minimum=18, maximum=210),
            ColumnProfile(name="floor", kind="numeric", missing_share=0.02, unique_count=9, minimum=0, maximum=8),
        ),
        target=ColumnProfile(name="price", kind="numeric", missing_share=0.0, unique_count=480),
    ),
    scoring="graded",
    script_seconds=60,
    threads=1,
    libraries=("numpy", "pandas", "scikit-learn", "lightgbm"),
    seed=42,
)
QUESTION = WriteCandidate(assignment=ASSIGNMENT, summary="Prices grow with the area.", idea=IDEA)
PATIENCE_ATTEMPTS, PATIENCE_SECONDS = 2, 30


def main() -> None:
    """The entry point; exits with 2 for the user's errors and 1 for the engineer's and the world's."""
    try:
        asyncio.run(check(sys.argv[1:], sys.stdout))
    except MleStarError as error:
        sys.stderr.write(f"mlestar: {error}\n")
        sys.exit(2 if isinstance(error, UserError) else 1)


async def check(overrides: Sequence[str], out: TextIO) -> None:
    """Ask and tell; raises MleStarError with what is wrong, after telling what was seen until then."""
    config = Composition(compose_layers(overrides), tuple(overrides)).app()
    engineer = _impatient(config.engineer)
    budget = Budget(max_tokens=config.settings.max_tokens, max_usd=config.settings.max_usd)
    async with open_engineer(engineer, budget) as hire:
        start = time.perf_counter()
        with metered() as meter:
            try:
                answer = await hire(Settings(max_retry=1)).ask(QUESTION)
            finally:
                out.write(_seen(engineer, meter, time.perf_counter() - start))
        out.write(f"answer    a script of {len(answer.source.splitlines())} lines that compiles\n")


def _impatient(config: EngineerConfig) -> EngineerConfig:
    """A person waits for the result, so a service that fails is not tried for minutes."""
    if not isinstance(config, LlmConfig):
        return config
    patience = {"max_attempts": PATIENCE_ATTEMPTS, "max_wait_seconds": PATIENCE_SECONDS}
    return config.model_copy(update=patience)


def _seen(config: EngineerConfig, meter: Meter, seconds: float) -> str:
    usage = meter.usage
    price = "unknown: the model is not in conf/prices.yaml" if usage.usd is None else f"{usage.usd:.4f} usd"
    lines = (
        f"engineer  {config.kind}",
        f"model     {usage.model or 'not asked'}",
        f"seconds   {seconds:.1f}",
        f"attempts  {usage.attempts}",
        f"tokens    {usage.tokens_in} in, {usage.tokens_out} out",
        f"price     {price}",
    )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
