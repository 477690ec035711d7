"""A proposal made safe: what is wrong is repaired or dropped field by field, and each repair is said.

Overrides are cumulative: those in effect, updated by the new ones, over the user's configuration.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import JsonValue

from mlestar.enhancer.situation import Situation
from mlestar.questions.answers import StrategyProposal
from mlestar.records.settings import OVERRIDABLE, Bounds, Settings, bounds_of
from mlestar.records.strategy import ENSEMBLE_FOCUSES, PHASES, REFINEMENT_FOCUSES, Advice, Goal, Phase, Strategy

SUMMARY_CHARACTERS = 4_000
RATIONALE_CHARACTERS = 1_000
FOCUS_CHARACTERS = 80
MOST_GOALS = 16
SWITCHED_OFF = "the switch allow_config_override is off"


def validated(proposal: StrategyProposal, situation: Situation) -> Advice:
    """The advice a proposal amounts to; with the switch off neither overrides nor goals are left."""
    repairs: list[str] = []
    if situation.settings.allow_config_override:
        overrides = {**situation.overrides(), **_overrides(proposal.config_overrides, situation, repairs)}
        goals = _goals(proposal.strategic_goals, repairs)
    else:
        overrides, goals = {}, ()
        if proposal.config_overrides or proposal.strategic_goals:
            repairs.append(f"overrides and goals are dropped: {SWITCHED_OFF}")
    summary = proposal.strategic_summary.strip() or "No summary was given."
    if len(summary) > SUMMARY_CHARACTERS:
        repairs.append(f"strategic_summary is cut to {SUMMARY_CHARACTERS} characters")
    strategy = Strategy(
        strategic_summary=summary[:SUMMARY_CHARACTERS], config_overrides=overrides, strategic_goals=goals
    )
    return Advice(asked=proposal.model_dump_json(), applied=strategy, repairs=tuple(repairs))


def unchanged(reason: str, situation: Situation) -> Advice:
    """The safe default: nothing new, no goals; overrides in effect stay so that runs remain comparable."""
    summary = f"No new strategy: {reason}. The next run keeps the settings of the last."
    return Advice(
        asked="",
        applied=Strategy(strategic_summary=summary, config_overrides=situation.overrides()),
        repairs=(f"safe default: {reason}",),
    )


def _overrides(asked: dict[str, JsonValue], situation: Situation, repairs: list[str]) -> dict[str, int | float | str]:
    effective = situation.effective()
    kept: dict[str, int | float | str] = {}
    for name, wanted in asked.items():
        refusal = _refusal(name, situation.settings)
        if refusal:
            repairs.append(f"config_overrides.{_shown(name)} is dropped: {refusal}")
            continue
        value, repair = _fitted(wanted, bounds_of(name))
        if repair:
            repairs.append(f"config_overrides.{name} {repair}")
        if value is not None and value != getattr(effective, name):
            kept[name] = value
    return kept


def _refusal(name: str, settings: Settings) -> str:
    if name in settings.locked:
        return "the user locked it"
    if name in OVERRIDABLE:
        return ""
    known = name in Settings.model_fields
    return "the Enhancer may not change it" if known else "there is no such setting"


def _fitted(wanted: JsonValue, bounds: Bounds) -> tuple[int | float | str | None, str]:
    """The value within bounds and what had to be done to it; None when it cannot be used."""
    return _fitted_word(wanted, bounds) if bounds.choices else _fitted_number(wanted, bounds)


def _fitted_word(wanted: JsonValue, bounds: Bounds) -> tuple[str | None, str]:
    word = {True: "on", False: "off"}[wanted] if isinstance(wanted, bool) else str(wanted).strip().lower()
    if word in bounds.choices:
        return word, ""
    return None, f"is dropped: {_shown(wanted)} is none of {bounds.in_words()}"


def _fitted_number(wanted: JsonValue, bounds: Bounds) -> tuple[int | float | None, str]:
    number = _number(wanted)
    if number is None or (bounds.whole and not number.is_integer()):
        kind = "a whole number" if bounds.whole else "a number"
        return None, f"is dropped: {_shown(wanted)} is not {kind} ({bounds.in_words()})"
    within = max(number, -math.inf if bounds.low is None else bounds.low)
    within = min(within, math.inf if bounds.high is None else bounds.high)
    repair = "" if within == number else f"is clamped from {number:g} to {within:g} (allowed: {bounds.in_words()})"
    return (int(within) if bounds.whole else within), repair


def _number(wanted: JsonValue) -> float | None:
    """The finite number a JSON value stands for; a number written as text counts."""
    if isinstance(wanted, bool) or not isinstance(wanted, int | float | str):
        return None
    try:
        number = float(wanted)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _goals(asked: Iterable[JsonValue], repairs: list[str]) -> tuple[Goal, ...]:
    """Goals with unique priorities from 1, most important first; equals keep their order."""
    usable: list[tuple[float, Phase, str, str]] = []
    for number, item in enumerate(asked, start=1):
        goal, fault = _goal(item)
        if goal is None:
            repairs.append(f"strategic_goals[{number}] is dropped: {fault}")
            continue
        if fault:
            repairs.append(f"strategic_goals[{number}]: {fault}")
        usable.append(goal)
    if len(usable) > MOST_GOALS:
        repairs.append(f"strategic_goals: {len(usable) - MOST_GOALS} beyond the first {MOST_GOALS} are dropped")
    ranked = sorted(usable, key=lambda goal: goal[0])[:MOST_GOALS]
    given = [goal[0] for goal in ranked]
    if given != list(range(1, len(ranked) + 1)):
        shown = ", ".join("none" if math.isinf(priority) else f"{priority:g}" for priority in given)
        repairs.append(f"strategic_goals: priorities {shown} become 1-{len(ranked)} by rank")
    return tuple(
        Goal(target_agent_phase=phase, focus=focus, priority=rank, rationale=rationale)
        for rank, (_, phase, focus, rationale) in enumerate(ranked, start=1)
    )


def _goal(item: JsonValue) -> tuple[tuple[float, Phase, str, str] | None, str]:
    """Priority, phase, focus and rationale of one goal, and what is wrong with it; None when it cannot be used."""
    if not isinstance(item, dict):
        return None, "it is not an object"
    phase = next((phase for phase in PHASES if phase == str(item.get("target_agent_phase", "")).strip().lower()), None)
    if phase is None:
        return None, f"target_agent_phase {_shown(item.get('target_agent_phase'))} is none of {', '.join(PHASES)}"
    focus = _focus(item.get("focus"))
    if not focus:
        return None, f"focus {_shown(item.get('focus'))} is not a word"
    rationale = item.get("rationale", "")
    text = rationale[:RATIONALE_CHARACTERS] if isinstance(rationale, str) else ""
    unknown = sorted(set(item) - {"target_agent_phase", "focus", "priority", "rationale"})
    faults = [f"unknown {', '.join(_shown(name) for name in unknown)} dropped"] if unknown else []
    if text != rationale:
        faults.append("rationale is dropped: it is no text" if not isinstance(rationale, str) else "rationale is cut")
    if len(str(item.get("focus"))) > FOCUS_CHARACTERS:
        faults.append("focus is cut")
    fault = "; ".join(faults)
    priority = _number(item.get("priority"))
    return (math.inf if priority is None else priority, phase, focus, text), fault


def _focus(asked: JsonValue) -> str:
    """The focus in the vocabulary's spelling where it is one of its words, as given otherwise."""
    if not isinstance(asked, str):
        return ""
    word = "_".join(asked.strip().lower().replace("-", " ").split())
    return word if word in REFINEMENT_FOCUSES + ENSEMBLE_FOCUSES else asked.strip()[:FOCUS_CHARACTERS]


def _shown(value: JsonValue) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:37] + "..."
