"""The Enhancer that asks an engineer: digest, question, validated answer, safe default."""

from __future__ import annotations

import asyncio
from typing import Literal

from pydantic import JsonValue

from mlestar.doors import Engineer
from mlestar.enhancer.digest import digest
from mlestar.enhancer.kinds import kind_of
from mlestar.enhancer.situation import Enhancer, Situation
from mlestar.enhancer.validate import SWITCHED_OFF, unchanged, validated
from mlestar.errors import MleStarError
from mlestar.questions.enhancement import Adjustable, AdviseNextRun
from mlestar.records.base import Record
from mlestar.records.settings import bounds_of
from mlestar.records.strategy import Advice

ADVICE_SECONDS = 600.0
"""An engineer that hangs holds a study up no longer than this; no run's clock is running while it is asked."""

HistoryScope = Literal["study", "task", "all"]


class EngineerEnhancerConfig(Record):
    """`enhancer=engineer`."""

    kind: Literal["engineer"] = "engineer"
    history_scope: HistoryScope = "task"
    """Which runs the Enhancer learns from."""
    carry_best: bool = True
    """Whether the best known script takes part in the next run as a starting solution."""


class EngineerEnhancer:
    """Asks an engineer; an engineer that fails means the safe default, never the end of a study."""

    def __init__(self, config: EngineerEnhancerConfig, engineer: Engineer) -> None:
        self._config = config
        self._engineer = engineer

    async def advise(self, situation: Situation) -> Advice:
        if not situation.settings.allow_config_override:
            return unchanged(SWITCHED_OFF, situation)
        try:
            async with asyncio.timeout(ADVICE_SECONDS):
                proposal = await self._engineer.ask(question_about(situation, carries_best=self._config.carry_best))
        except TimeoutError:
            return unchanged(f"the engineer gave none within {ADVICE_SECONDS:g} s", situation)
        except MleStarError as error:
            return unchanged(f"the engineer gave none ({type(error).__name__}: {error})", situation)
        return validated(proposal, situation)


async def advice_of(enhancer: Enhancer, situation: Situation) -> Advice:
    """What an Enhancer advises, and the safe default where it fails: it can never end a study."""
    try:
        return await enhancer.advise(situation)
    except (ArithmeticError, LookupError, TypeError, ValueError) as fault:
        return unchanged(f"the Enhancer failed ({type(fault).__name__}: {fault})", situation)


def question_about(situation: Situation, *, carries_best: bool = True) -> AdviseNextRun:
    """The question put to the engineer; equal situations give equal questions."""
    effective = situation.effective()
    return AdviseNextRun(
        digest=digest(
            situation.history,
            situation.earlier,
            task=situation.task,
            kind=kind_of(situation.traits),
            metric=situation.metric,
            data="" if situation.traits is None else situation.traits.digest,
            carries_best=carries_best,
        ).text,
        metric=situation.metric,
        adjustable=tuple(
            Adjustable(name=name, current=getattr(effective, name), allowed=bounds_of(name).in_words())
            for name in situation.adjustable()
        ),
        run_number=situation.run_number,
        runs_left=situation.runs_left,
    )


def enhancer_yaml(advice: Advice) -> str:
    """The generated layer: the effective overrides as `settings`, nothing else; equal advice gives equal text."""
    overrides = advice.applied.config_overrides
    if not overrides:
        return "settings: {}\n"
    return "settings:\n" + "".join(f"  {name}: {_scalar(overrides[name])}\n" for name in sorted(overrides))


def _scalar(value: JsonValue) -> str:
    """Words are quoted: YAML reads a bare `on` as a boolean."""
    return f'"{value}"' if isinstance(value, str) else repr(value)
