"""The settings of the next run: more where gains per second were highest, less where time ran out or nothing paid.

Few changes at a time, so that the next digest can tell what each brought.
"""

from __future__ import annotations

from mlestar.playbook.case import Case
from mlestar.playbook.families import FAMILIES, family_like
from mlestar.playbook.family import Family
from mlestar.records.digest import HistoryDigest, PhaseLine
from mlestar.records.settings import Settings
from mlestar.records.strategy import Phase

SHARE_OF_BUDGET = 0.7
"""A run is planned to end within this share of its budget; the rest is kept back for the submission."""
MOST_MOVES = 2
"""Settings raised at a time; one more when a run uses little of its budget."""
TIMES = ("computational_budget", "exec_timeout")
"""The user's to say; they are not taken over from earlier studies."""
MOST_ROUNDS = 6
"""No setting is raised above this, although more is allowed."""
STARVED_SHARE = 0.4
"""A run that used this share of its budget and left rounds out had too little time, not too few ideas."""
USED_UP = 0.75
"""A run that used this share of its budget had no time to spare."""
ENOUGH_ROUNDS = 0.7
"""A run that carried out this share of its rounds had time enough."""


CONCLUDING = {"num_solutions": 1, "num_model_candidates": 1, "outer_loop_round": 0, "ensemble_loop_round": 1}
"""The settings of a last run that makes the most of what is known."""


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
    if share >= 0.25:
        rounds = int(min(case.number("max_debug_round", 3) + 1, 6))
        case.set("max_debug_round", rounds, f"{last.failures} of {last.executions} executions of {last.run} failed")
    slow = [line for line in case.digest.faults if "time" in line.kind.lower()]
    if last.score is None and slow:
        timeout = case.number("exec_timeout", 600)
        case.set("exec_timeout", timeout * 2, f"{slow[0].count} scripts ran out of time")


def cut(case: Case) -> None:
    """Rounds of a phase that has never paid in two runs or more."""
    if case.digest.runs_done < 2:
        return
    tries = [line for line in case.digest.foci if line.phase == "ensemble"]
    if sum(line.tried for line in tries) >= 4 and not any(line.paid for line in tries):
        case.set("ensemble_loop_round", 0, f"none of {sum(line.tried for line in tries)} ensembles paid")
    refined = case.phase("refinement")
    inner = int(case.number("inner_loop_round", 1))
    if refined.gain is not None and refined.gain <= 0 and inner > 1:
        case.set("inner_loop_round", inner - 1, f"refinement brought nothing in {refined.seconds:.0f} s")


def drop_known_models(case: Case) -> bool:
    """When the best script is carried and every family was tried, fresh first scripts only repeat what is known."""
    if not _models_are_known(case.digest):
        return False
    tried = len({line.model for line in case.digest.models})
    return case.set("num_model_candidates", 1, f"all {tried} models were tried and the best script is carried")


def _models_are_known(digest: HistoryDigest) -> bool:
    return digest.carries_best and not untried_families(digest)


def starved(case: Case) -> bool:
    """Whether time ran out on the last run: many rounds were left out and the budget was well used."""
    last = case.last
    if last is None or last.seconds < STARVED_SHARE * case.number("computational_budget", 3600):
        return False
    asked = sum(line.rounds_asked for line in last.phases)
    return sum(line.rounds_done for line in last.phases) < ENOUGH_ROUNDS * asked


def crowded(case: Case) -> bool:
    """Whether the last run used up its time, and refinement brought nothing, although the best script is carried."""
    last = case.last
    if last is None or not case.digest.carries_best:
        return False
    used = last.seconds / case.number("computational_budget", 3600)
    gains = [line.gain for line in last.phases if line.phase == "refinement"]
    return used >= USED_UP and not any(gain is not None and gain > 0 for gain in gains)


def only_time_is_short(case: Case) -> bool:
    """Whether the next run is the last, time is short, and there is a script to carry into it."""
    last = case.last
    if last is None or case.runs_left > 0 or not case.digest.carries_best:
        return False
    return starved(case) or last.seconds >= USED_UP * case.number("computational_budget", 3600)


def conclude(case: Case) -> None:
    """The last run searches no further: its time goes to one ensemble around the carried script, and to training it."""
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
        ("num_solutions", *_by_rate(case, reverse=True)) if alone else (*_by_rate(case, reverse=True), "num_solutions")
    )
    for name in order:
        value = int(case.number(name, 1))
        if value > 1 and case.set(name, value - 1, reason):
            return


def fit(case: Case) -> None:
    """Cut rounds where they bring least until the next run fits its budget."""
    for _ in range(8):
        if predicted_seconds(case) <= case.number("computational_budget", 3600):
            return
        if not any(_less(case, name) for name in _by_rate(case, reverse=True)):
            return


def _less(case: Case, name: str) -> bool:
    value = int(case.number(name, 1))
    least = 1
    reason = f"{predicted_seconds(case):.0f} s would not fit {case.number('computational_budget', 3600):.0f} s"
    return value > least and case.set(name, value - 1, reason)


def grow(case: Case) -> None:
    """Raise what brought most per second while the next run still fits."""
    share = predicted_seconds(case) / case.number("computational_budget", 3600)
    most, moves = MOST_MOVES + (share < SHARE_OF_BUDGET / 2), 0
    for name in _by_rate(case):
        if moves == most or name in case.overrides or _is_enough(case, name):
            continue
        if not case.set(name, int(case.number(name, 1)) + 1, _why_more(case, name)):
            continue
        if predicted_seconds(case) > SHARE_OF_BUDGET * case.number("computational_budget", 3600):
            case.withdraw(name)
        else:
            moves += 1


def _is_enough(case: Case, name: str) -> bool:
    """Whether more of a setting would bring nothing: it is high, its models are known, its phase never paid."""
    repeats = name == "num_model_candidates" and _models_are_known(case.digest)
    return repeats or case.number(name, 1) >= MOST_ROUNDS or _never_paid(case, ROUNDS[name])


def _never_paid(case: Case, phase: Phase) -> bool:
    """Whether a phase brought nothing in two runs or more, although it had time."""
    line = case.phase(phase)
    return case.digest.runs_done > 1 and line.seconds >= 1 and line.gain is not None and line.gain <= 0


def untried_families(digest: HistoryDigest) -> list[Family]:
    """Model families that no run has tried; one that was asked for in vain does not suit the task."""
    asked = (goal.focus for line in digest.strategies for goal in line.goals if goal.phase == "initialization")
    tried = {
        family.name for words in (*(line.model for line in digest.models), *asked) if (family := family_like(words))
    }
    return [family for family in FAMILIES.values() if family.name not in tried]


ROUNDS: dict[str, Phase] = {
    "outer_loop_round": "refinement",
    "inner_loop_round": "refinement",
    "ensemble_loop_round": "ensemble",
    "num_model_candidates": "initialization",
}
"""The settings that spend time, and the phase they spend it in."""


def _by_rate(case: Case, *, reverse: bool = False) -> list[str]:
    """The settings of `ROUNDS`, the phase with the highest gain per second first."""
    known = [line.gain_per_second for line in case.digest.phases if line.gain_per_second is not None]
    hope = max(known, default=0.0) / 2
    rates = {name: _rate(case.phase(phase), hope) for name, phase in ROUNDS.items()}
    return sorted(ROUNDS, key=lambda name: rates[name] if reverse else -rates[name])


def _rate(line: PhaseLine, hope: float) -> float:
    """Gain per second of a phase; what is hoped for when it had hardly any time."""
    unknown = line.gain_per_second is None or line.seconds < 1
    return hope if unknown else line.gain_per_second or 0.0


def _why_more(case: Case, name: str) -> str:
    line = case.phase(ROUNDS[name])
    gain = "brought nothing yet" if not line.gain else f"brought {line.gain:.4g} in {line.seconds:.0f} s"
    return f"{line.phase} {gain}"


def predicted_seconds(case: Case) -> float:
    """How long the next run takes: the last run's phases, scaled by the rounds decided so far."""
    if case.last is None:
        return 0.0
    known = {line.name: line.value for line in case.digest.settings}

    def ratio(name: str, fixed: float) -> float:
        """Growth of a count of which `fixed` rounds' worth is spent anyway."""
        before = known.get(name, 1)
        return (case.number(name, 1) + fixed) / (max(float(before), 0) + fixed) if isinstance(before, int) else 1.0

    factors: dict[Phase, float] = {
        "initialization": ratio("num_solutions", 0.001) * ratio("num_model_candidates", 1),
        "refinement": ratio("num_solutions", 0.001) * ratio("outer_loop_round", 0.001) * ratio("inner_loop_round", 2),
        "ensemble": ratio("ensemble_loop_round", 0.001),
    }
    return sum(line.seconds * factors.get(line.phase, 1.0) for line in case.last.phases)
