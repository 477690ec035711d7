"""The playbook as research lead: what a good one does between two runs, from the digest alone.

Rounds go where gains per second were highest, the focus moves when returns diminish, what never pays is cut, and the
next run must fit its budget.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from mlestar.playbook.case import Case
from mlestar.playbook.moves import MOVES
from mlestar.playbook.rates import untried_families
from mlestar.playbook.rounds import decide_settings
from mlestar.questions.answers import StrategyProposal
from mlestar.questions.enhancement import AdviseNextRun
from mlestar.records.digest import FocusLine, HistoryDigest, LessonLine
from mlestar.records.strategy import ENSEMBLE_FOCUSES, REFINEMENT_FOCUSES, Goal, Phase

REFINEMENT_GOALS = 4
IDLE = 0.5
"""Promise left to a focus each time it was asked for and could not be tried."""
LESSON_WEIGHT = 3.0
"""Lessons of other tasks count as at most so many tries."""


def advise_next_run(question: AdviseNextRun) -> StrategyProposal:
    """Decide what the next run does differently."""
    digest = HistoryDigest.model_validate_json(question.digest)
    case = Case(digest, {one.name: one.current for one in question.adjustable}, question.runs_left)
    decide_settings(case)
    goals = (*model_goals(case), *refinement_goals(case), *ensemble_goals(case), *submission_goals(case))
    ranked = [goal.model_copy(update={"priority": rank}) for rank, goal in enumerate(goals, start=1)]
    return StrategyProposal(
        strategic_summary=summary(case, ranked),
        config_overrides=dict(case.overrides),
        strategic_goals=tuple(goal.model_dump() for goal in ranked),
    )


def refinement_goals(case: Case) -> Iterable[Goal]:
    """The foci that promise most per try: what paid before, and what was never tried, what usually pays first."""
    if case.number("outer_loop_round", 1) < 1:
        return []
    lines = {line.focus: line for line in case.digest.foci if line.phase == "refinement"}
    gains = [line.best_gain for line in lines.values() if line.best_gain is not None and line.best_gain > 0]
    typical = sorted(gains)[len(gains) // 2] if gains else 1.0
    idle = _idle_foci(case.digest)
    lessons = lessons_for(case.digest)
    promise = {
        focus: expected_gain(lines.get(focus), lessons, focus, typical) * IDLE ** idle.get(focus, 0)
        for focus in REFINEMENT_FOCUSES
    }
    usual = list(dict.fromkeys((*(move.focus for move in MOVES), *REFINEMENT_FOCUSES)))
    best = sorted(REFINEMENT_FOCUSES, key=lambda focus: (-promise[focus], usual.index(focus)))[:REFINEMENT_GOALS]
    return [goal("refinement", focus, _told(lines.get(focus))) for focus in best]


def lessons_for(digest: HistoryDigest) -> list[LessonLine]:
    """Lessons of tasks of the same kind; those of every kind when there are none."""
    alike = [line for line in digest.lessons if line.task_kind == digest.task_kind]
    return alike or list(digest.lessons)


def _idle_foci(digest: HistoryDigest) -> Counter[str]:
    """How often a focus was asked for and never tried although others were: it seems not to fit the task."""
    idle: Counter[str] = Counter()
    for line in digest.strategies:
        asked = [outcome for outcome in line.goals if outcome.phase == "refinement"]
        if any(outcome.tried for outcome in asked):
            idle.update(outcome.focus for outcome in asked if not outcome.tried)
    return idle


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
    if not any(line.phase == "ensemble" for line in case.digest.foci):
        yield from _taught_ensembles(case)
        return
    lines = {line.focus: line for line in case.digest.foci if line.phase == "ensemble"}
    paying = [line for line in lines.values() if line.paid]
    untried = [focus for focus in ENSEMBLE_FOCUSES if focus not in lines]
    if paying and (not untried or case.concluding or case.digest.runs_since_best == 0):
        best = max(paying, key=lambda line: line.best_gain or 0.0)
        yield goal("ensemble", best.focus, _told(best))
    elif untried and not case.concluding:
        known = ", ".join(f"{line.focus} {_told(line)}" for line in lines.values())
        yield goal("ensemble", untried[-1], f"never tried; {known}")


def _taught_ensembles(case: Case) -> Iterable[Goal]:
    """What paid most often on other tasks; where nothing is taught the planner chooses by the time there is."""
    taught = [line for line in lessons_for(case.digest) if line.topic == "ensemble" and line.paid]
    for line in sorted(taught, key=lambda line: -line.paid / line.tried)[:1]:
        yield goal("ensemble", line.name, f"paid {line.paid} of {line.tried} times on {line.tasks} other tasks")


def model_goals(case: Case) -> Iterable[Goal]:
    """Model families that no run has tried; one candidate stays a known one unless the best script is carried."""
    if case.concluding:
        return []
    if not case.digest.models:
        return [goal("initialization", line.name, _taught(line)) for line in best_models(case.digest)]
    fresh = untried_families(case.digest)
    known = 0 if case.digest.carries_best else 1
    wanted = fresh[: max(1, int(case.number("num_model_candidates", 2)) - known)]
    # The rationale names no family: a planner looks for the wished one in it too.
    return [
        goal("initialization", family.title, f"never tried, unlike {len(case.digest.models)} others")
        for family in wanted
    ]


def best_models(digest: HistoryDigest) -> list[LessonLine]:
    """The two models that did best on other tasks, where lessons are told."""
    models = [line for line in lessons_for(digest) if line.topic == "model" and line.mean_relative_gain]
    return sorted(models, key=lambda line: -(line.mean_relative_gain or 0.0))[:2]


def _taught(line: LessonLine) -> str:
    gain = 100 * (line.mean_relative_gain or 0.0)
    return f"{gain:.1f} % better than the worst first script on {line.tasks} tasks ({line.task_kind})"


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
        study = f" of study {digest.best.study}" if digest.best.study else ""
        best = f"best {digest.metric} {digest.best.score:.6g} ({digest.best.run}{study})"
    parts = [f"After {digest.runs_done} run{'s' * (digest.runs_done != 1)}: {best}."]
    told = [line for line in digest.phases if line.gain is not None]
    if told:
        parts.append("; ".join(f"{line.phase} brought {line.gain:.4g} in {line.seconds:.0f} s" for line in told) + ".")
    parts.append("Changed: " + "; ".join(case.reasons.values()) + "." if case.reasons else "The settings stay.")
    foci = ", ".join(f"{one.focus} ({one.target_agent_phase})" for one in goals)
    parts.append(f"Goals: {foci}." if foci else "No goals.")
    return " ".join(parts)
