"""What the research lead does when time is short: less of what brings least, more for the script that is carried."""

from __future__ import annotations

from mlestar.playbook.case import Case
from mlestar.playbook.rates import by_rate, models_are_known, never_paid

STARVED_SHARE = 0.4
"""A run that used this share of its budget and left rounds out had too little time, not too few ideas."""
USED_UP = 0.75
"""A run that used this share of its budget had no time to spare."""
ENOUGH_ROUNDS = 0.7
"""A run that carried out this share of its rounds had time enough."""
CONCLUDING = {"num_solutions": 1, "num_model_candidates": 1, "outer_loop_round": 0, "ensemble_loop_round": 1}
"""The settings of a last run that makes the most of what is known."""


def starved(case: Case) -> bool:
    """Whether time ran out on the last run: many rounds were left out and the budget was well used."""
    last = case.last
    if last is None or case.needed_seconds < STARVED_SHARE * case.budget_seconds:
        return False
    asked = sum(line.rounds_asked for line in last.phases)
    return sum(line.rounds_done for line in last.phases) < ENOUGH_ROUNDS * asked


def crowded(case: Case) -> bool:
    """Whether the last run used up its time, and refinement brought nothing, although the best script is carried."""
    last = case.last
    if last is None or not case.digest.carries_best:
        return False
    used = case.needed_seconds / case.budget_seconds
    gains = [line.gain for line in last.phases if line.phase == "refinement"]
    return used >= USED_UP and not any(gain is not None and gain > 0 for gain in gains)


def only_time_is_short(case: Case) -> bool:
    """Whether the next run is the last, time is short, and there is a script to carry into an ensemble."""
    known = case.last is not None and case.digest.carries_best
    combines = case.number("ensemble_loop_round", 1) >= 1 and not never_paid(case, "ensemble")
    if case.runs_left > 0 or not known or not combines:
        return False
    return starved(case) or case.needed_seconds >= USED_UP * case.budget_seconds


def conclude(case: Case) -> None:
    """The last run searches no further: its time goes to one ensemble around the carried script, and to training it."""
    case.concluding = True
    for name, value in CONCLUDING.items():
        case.set(name, value, "the last run gives its time to one ensemble around the carried script")


def concentrate(case: Case) -> None:
    """Fewer solutions beside the carried one: their time goes to changes of the best script, and to ensembles."""
    for name in ("num_solutions", "num_model_candidates"):
        value = int(case.number(name, 1))
        if value > 1 and case.set(name, value - 1, "time is short, and the best script is carried"):
            return


def relieve(case: Case) -> None:
    """Ask for less where it brought least per second, so that the rest is carried out with time enough."""
    last = case.last
    if last is None:
        return
    told = [
        f"{line.rounds_done} of {line.rounds_asked} {line.phase} rounds" for line in last.phases if line.rounds_asked
    ]
    reason = f"time ran out on {last.run} ({', '.join(told)})"
    if drop_known_models(case):
        return
    ensembles = case.phase("ensemble")
    alone = case.digest.carries_best and ensembles.seconds > 0 and not ensembles.gain
    order = (
        ("num_solutions", *by_rate(case, reverse=True)) if alone else (*by_rate(case, reverse=True), "num_solutions")
    )
    for name in order:
        value = int(case.number(name, 1))
        if value > 1 and case.set(name, value - 1, reason):
            return


def drop_known_models(case: Case) -> bool:
    """When the best script is carried and every family was tried, fresh first scripts only repeat what is known."""
    if not models_are_known(case.digest):
        return False
    tried = len({line.model for line in case.digest.models})
    return case.set("num_model_candidates", 1, f"all {tried} models were tried and the best script is carried")
