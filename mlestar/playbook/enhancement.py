"""The playbook as research lead: what a good one does between two runs, from the digest alone.

Rounds go where gains per second were highest, the focus moves when returns diminish, what never pays is cut, and the
next run must fit its budget. Few changes at a time, so that the next digest can tell what each brought.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mlestar.playbook.families import FAMILIES, family_like
from mlestar.questions.answers import StrategyProposal
from mlestar.questions.enhancement import AdviseNextRun
from mlestar.records.digest import FocusLine, HistoryDigest, LessonLine, PhaseLine, RunLine
from mlestar.records.strategy import ENSEMBLE_FOCUSES, REFINEMENT_FOCUSES, Goal, Phase

SHARE_OF_BUDGET = 0.85
"""A run is planned to end within this share of its budget; the rest is for surprises."""
MOST_MOVES = 2
"""Settings raised at a time."""
REFINEMENT_GOALS = 4
LESSON_WEIGHT = 3.0
"""Lessons of other tasks count as at most so many tries."""


@dataclass
class Case:
    """What is known, and the decisions so far."""

    digest: HistoryDigest
    now: dict[str, int | float | str]
    """Adjustable settings and their values."""
    runs_left: int
    overrides: dict[str, int | float | str] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)

    def number(self, name: str, otherwise: float) -> float:
        """A setting as decided so far; also one that may not be changed, from the digest's settings."""
        known = {line.name: line.value for line in self.digest.settings}
        value = self.overrides.get(name, self.now.get(name, known.get(name, otherwise)))
        return float(value) if isinstance(value, int | float) else otherwise

    def set(self, name: str, value: int | float, reason: str) -> bool:
        """Decide a setting; False when it may not be changed or stays the same."""
        if name not in self.now or value == self.number(name, -1):
            return False
        self.overrides[name] = value
        self.reasons.append(f"{name} {self.now[name]} -> {value}: {reason}")
        return True

    def phase(self, phase: Phase) -> PhaseLine:
        """What a phase brought over all runs."""
        lines = (line for line in self.digest.phases if line.phase == phase)
        return next(lines, PhaseLine(phase=phase))

    @property
    def last(self) -> RunLine | None:
        return self.digest.runs[0] if self.digest.runs else None


def advise_next_run(question: AdviseNextRun) -> StrategyProposal:
    """Decide what the next run does differently."""
    digest = HistoryDigest.model_validate_json(question.digest)
    case = Case(digest, {one.name: one.current for one in question.adjustable}, question.runs_left)
    if digest.runs_done:
        rescue(case)
        cut(case)
        fit(case)
        grow(case)
    else:
        start_from_earlier(case)
    goals = (*model_goals(case), *refinement_goals(case), *ensemble_goals(case), *submission_goals(case))
    ranked = [goal.model_copy(update={"priority": rank}) for rank, goal in enumerate(goals, start=1)]
    return StrategyProposal(
        strategic_summary=summary(case, ranked),
        config_overrides=dict(case.overrides),
        strategic_goals=tuple(goal.model_dump() for goal in ranked),
    )


def start_from_earlier(case: Case) -> None:
    """The first run of a study begins with the settings of the best earlier study."""
    for study in case.digest.earlier_studies[:1]:
        for name, value in study.best_settings.items():
            if isinstance(value, int | float) and name != "computational_budget":
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
    moves = 0
    for name in _by_rate(case):
        value, before = int(case.number(name, 1)), case.overrides.get(name)
        if moves == MOST_MOVES or name in case.overrides or value >= 6:
            continue
        if not case.set(name, value + 1, _why_more(case, name)):
            continue
        moves += 1
        if predicted_seconds(case) > SHARE_OF_BUDGET * case.number("computational_budget", 3600):
            case.reasons.pop()
            case.overrides.pop(name)
            if before is not None:
                case.overrides[name] = before
            moves -= 1


ROUNDS: dict[str, Phase] = {
    "outer_loop_round": "refinement",
    "inner_loop_round": "refinement",
    "ensemble_loop_round": "ensemble",
    "num_model_candidates": "initialization",
}
"""The settings that spend time, and the phase they spend it in."""


def _by_rate(case: Case, *, reverse: bool = False) -> list[str]:
    """The settings of `ROUNDS`, the phase with the highest gain per second first."""
    rates = {name: case.phase(phase).gain_per_second or 0.0 for name, phase in ROUNDS.items()}
    return sorted(ROUNDS, key=lambda name: rates[name] if reverse else -rates[name])


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


def refinement_goals(case: Case) -> Iterable[Goal]:
    """The foci that promise most per try: what paid before, and what was never tried."""
    lines = {line.focus: line for line in case.digest.foci if line.phase == "refinement"}
    gains = [line.best_gain for line in lines.values() if line.best_gain is not None and line.best_gain > 0]
    typical = sorted(gains)[len(gains) // 2] if gains else 1.0
    promise = {
        focus: expected_gain(lines.get(focus), case.digest.lessons, focus, typical) for focus in REFINEMENT_FOCUSES
    }
    best = sorted(REFINEMENT_FOCUSES, key=lambda focus: -promise[focus])[:REFINEMENT_GOALS]
    return [goal("refinement", focus, _told(lines.get(focus))) for focus in best]


def expected_gain(line: FocusLine | None, lessons: Iterable[LessonLine], focus: str, typical: float) -> float:
    """Gain to be expected of one more try: a smoothed success rate times the gain of a success."""
    taught = [lesson for lesson in lessons if lesson.name == focus]
    tried, paid = sum(lesson.tried for lesson in taught), sum(lesson.paid for lesson in taught)
    weight = min(LESSON_WEIGHT, tried) / tried if tried else 0.0
    own_tried, own_paid = (line.tried, line.paid) if line else (0, 0)
    rate = (own_paid + paid * weight + 0.5) / (own_tried + tried * weight + 1.0)
    success = line.best_gain if line and line.best_gain and line.best_gain > 0 else typical
    return rate * min(success, 3 * typical) / (1 + 0.25 * own_tried)


def _told(line: FocusLine | None) -> str:
    if line is None:
        return "never tried"
    gain = "no gain" if line.best_gain is None else f"best gain {line.best_gain:.4g}"
    return f"paid {line.paid} of {line.tried} times, {gain}, {line.seconds:.0f} s"


def ensemble_goals(case: Case) -> Iterable[Goal]:
    """The way to combine that paid most; the next stronger one when none did."""
    if case.number("ensemble_loop_round", 1) < 1:
        return
    lines = {line.focus: line for line in case.digest.foci if line.phase == "ensemble"}
    paying = [line for line in lines.values() if line.paid]
    untried = [focus for focus in ENSEMBLE_FOCUSES if focus not in lines]
    if paying and (not untried or case.digest.runs_since_best == 0):
        best = max(paying, key=lambda line: line.best_gain or 0.0)
        yield goal("ensemble", best.focus, _told(best))
    elif untried:
        known = ", ".join(f"{line.focus} {_told(line)}" for line in lines.values()) or "no ensemble yet"
        yield goal("ensemble", untried[0] if not lines else untried[-1], f"never tried; {known}")


def model_goals(case: Case) -> Iterable[Goal]:
    """Model families that no run has tried, one less than a run has candidates; none when nothing is known."""
    tried = {family.name for line in case.digest.models if (family := family_like(line.model))}
    fresh = [family for family in FAMILIES.values() if family.name not in tried]
    wanted = fresh[: max(1, int(case.number("num_model_candidates", 2)) - 1)] if tried else []
    # The rationale names no family: a planner looks for the wished one in it too.
    return [goal("initialization", family.title, f"never tried, unlike {len(tried)} others") for family in wanted]


def submission_goals(case: Case) -> Iterable[Goal]:
    """The last run may also polish its predictions; it is kept only when it is graded no worse."""
    line = next((line for line in case.digest.foci if line.focus == "post_processing"), None)
    if case.runs_left == 0 and line is not None and line.paid:
        yield goal("submission", "post_processing", _told(line))


def goal(phase: Phase, focus: str, rationale: str) -> Goal:
    """A goal whose rank is given when all are known."""
    return Goal(target_agent_phase=phase, focus=focus, priority=1, rationale=rationale)


def summary(case: Case, goals: list[Goal]) -> str:
    """The decision in plain words with its numbers."""
    digest = case.digest
    best = "nothing scored yet"
    if digest.best is not None:
        best = f"best {digest.metric} {digest.best.score:.6g} ({digest.best.run})"
    parts = [f"After {digest.runs_done} runs: {best}."]
    told = [line for line in digest.phases if line.gain is not None]
    if told:
        parts.append("; ".join(f"{line.phase} brought {line.gain:.4g} in {line.seconds:.0f} s" for line in told) + ".")
    parts.append("Changed: " + "; ".join(case.reasons) + "." if case.reasons else "The settings stay.")
    foci = ", ".join(f"{one.focus} ({one.target_agent_phase})" for one in goals)
    parts.append(f"Goals: {foci}." if foci else "No goals.")
    return " ".join(parts)
