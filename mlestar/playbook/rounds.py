"""The settings of the next run: more where gains per second were highest, less where time ran out or nothing paid.

Few changes at a time, so that the next digest can tell what each brought.
"""

from __future__ import annotations

from mlestar.playbook.case import Case
from mlestar.playbook.rates import ROUNDS, by_rate, models_are_known, never_paid, predicted_seconds, why_more
from mlestar.playbook.shortage import (
    concentrate,
    conclude,
    crowded,
    drop_known_models,
    only_time_is_short,
    relieve,
    starved,
)
from mlestar.records.settings import Settings

SHARE_OF_BUDGET = 0.7
"""A run is planned to end within this share of its budget; the rest is kept back for the submission."""
MOST_MOVES = 2
"""Settings raised at a time; one more when a run uses little of its budget."""
TIMES = ("computational_budget", "exec_timeout")
"""The user's to say; they are not taken over from earlier studies."""
MOST_ROUNDS = 6
"""No setting is raised above this, although more is allowed."""


def decide_settings(case: Case) -> None:
    """Decide what changes; the case keeps the decisions and their reasons."""
    if not case.digest.runs_done:
        start_from_earlier(case)
        drop_known_models(case)
        return
    rescue(case)
    if only_time_is_short(case):
        conclude(case)
        return
    cut(case)
    if starved(case):
        relieve(case)
    elif crowded(case):
        concentrate(case)
    else:
        drop_known_models(case)
        fit(case)
        grow(case)


def start_from_earlier(case: Case) -> None:
    """The first run of a study begins with what the best earlier study raised, where the user says nothing.

    What it cut, it cut for want of time or for its last run.
    """
    usual = Settings()
    for study in case.digest.earlier_studies[:1]:
        for name, value in study.best_settings.items():
            said = case.now.get(name) != getattr(usual, name, None)
            if isinstance(value, int | float) and name not in TIMES and not said and value > getattr(usual, name):
                case.set(name, value, f"as in the best earlier study ({study.best_score})")


def rescue(case: Case) -> None:
    """When failures cost candidates: more repairs; fewer and slower scripts when time runs out."""
    last = case.last
    if last is None or not last.executions:
        return
    share = last.failures / last.executions
    repairs = int(case.number("max_debug_round", 3))
    if share >= 0.25 and repairs < MOST_ROUNDS:
        case.set(
            "max_debug_round", repairs + 1, f"{last.failures} of {last.executions} executions of {last.run} failed"
        )
    if last.score is None and any(line.kind == "timed out" for line in case.digest.faults):
        timeout = case.number("exec_timeout", 600)
        longer = min(2 * timeout, case.budget_seconds)
        if longer > timeout:
            case.set("exec_timeout", longer, "scripts ran out of time")


def cut(case: Case) -> None:
    """Rounds of a phase that has never paid in two runs or more."""
    if case.digest.runs_done < 2:
        return
    tries = [line for line in case.digest.foci if line.phase == "ensemble"]
    if sum(line.tried for line in tries) >= 4 and not any(line.paid for line in tries):
        case.set("ensemble_loop_round", 0, f"none of {sum(line.tried for line in tries)} ensembles paid")
    refined = case.phase("refinement")
    inner = int(case.number("inner_loop_round", 1))
    if refined.gain is not None and refined.gain <= 0 and refined.seconds >= 1 and inner > 1:
        case.set("inner_loop_round", inner - 1, f"refinement brought nothing in {refined.seconds:.0f} s")


def fit(case: Case) -> None:
    """Cut rounds where they bring least until the next run fits its budget."""
    for _ in range(8):
        if predicted_seconds(case) <= case.budget_seconds:
            return
        if not any(_less(case, name) for name in by_rate(case, reverse=True)):
            return


def _less(case: Case, name: str) -> bool:
    value = int(case.number(name, 1))
    least = 1
    reason = f"{predicted_seconds(case):.0f} s would not fit {case.budget_seconds:.0f} s"
    return value > least and case.set(name, value - 1, reason)


def grow(case: Case) -> None:
    """Raise what brought most per second while the next run still fits; nothing where no script has a score yet."""
    if case.last is None or case.last.score is None:
        return
    share = predicted_seconds(case) / case.budget_seconds
    most, moves = MOST_MOVES + (share < SHARE_OF_BUDGET / 2), 0
    for name in by_rate(case):
        if moves == most or name in case.overrides or _is_enough(case, name):
            continue
        if not case.set(name, int(case.number(name, 1)) + 1, why_more(case, name)):
            continue
        if predicted_seconds(case) > SHARE_OF_BUDGET * case.budget_seconds:
            case.withdraw(name)
        else:
            moves += 1


def _is_enough(case: Case, name: str) -> bool:
    """Whether more of a setting would bring nothing: it is high, its models are known, its phase never paid.

    A loop that is turned off stays so.
    """
    repeats = name == "num_model_candidates" and models_are_known(case.digest)
    return repeats or not 1 <= case.number(name, 1) < MOST_ROUNDS or never_paid(case, ROUNDS[name])
