"""Knowledge that outlives a study: earlier studies of the task, and lessons from other tasks by their kind."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from mlestar.enhancer.figures import NAME, cut, finite, mean
from mlestar.enhancer.kinds import kind_of
from mlestar.enhancer.tables import focus_table
from mlestar.records.digest import LessonLine, SettingValue, StudyLine
from mlestar.records.run import RunSummary
from mlestar.records.settings import OVERRIDABLE, Settings
from mlestar.records.solution import CARRIED


def study_table(runs: Sequence[RunSummary]) -> tuple[StudyLine, ...]:
    """Earlier studies of one task, the best first."""
    studies: dict[str, list[RunSummary]] = defaultdict(list)
    for run in runs:
        studies[run.study_id].append(run)
    if not runs:
        return ()
    metric = runs[-1].metric
    bests = [best for held in studies.values() if (best := metric.best(held)) is not None]
    return tuple(_study_line(studies[best.study_id], best) for best in metric.ranked(bests))


def _study_line(runs: Sequence[RunSummary], best: RunSummary) -> StudyLine:
    return StudyLine(
        study=cut(best.study_id, NAME),
        runs=len(runs),
        best_score=finite(best.score),
        best_settings=_unusual(best.settings),
        foci_that_paid=tuple(line.focus for line in focus_table(runs) if line.paid)[:6],
    )


def _unusual(settings: Settings) -> dict[str, SettingValue]:
    usual = Settings()
    return {n: getattr(settings, n) for n in OVERRIDABLE if getattr(settings, n) != getattr(usual, n)}


def lesson_table(runs: Iterable[RunSummary], kind: str = "") -> tuple[LessonLine, ...]:
    """What paid on other tasks, by task kind and focus; tasks of one kind first, then what was tried most often."""
    groups: dict[tuple[str, str, str], list[tuple[str, float | None]]] = defaultdict(list)
    for run in runs:
        for topic, name, gain in _outcomes(run):
            groups[kind_of(run.traits), topic, name].append((run.task, gain))
    lines = [_lesson_line(key, outcomes) for key, outcomes in groups.items()]
    return tuple(sorted(lines, key=lambda line: (line.task_kind != kind, -line.tried, line.task_kind, line.name)))


def _outcomes(run: RunSummary) -> Iterator[tuple[str, str, float | None]]:
    """Topic, name and relative gain of everything a run tried; for models, over the worst first script."""
    for attempt in run.attempts:
        yield attempt.phase, cut(attempt.focus, NAME), _relative(finite(attempt.gain), finite(attempt.score))
    ranked = run.metric.ranked(candidate for candidate in run.candidates if candidate.model != CARRIED)
    for candidate in ranked:
        gain = run.metric.gain(candidate.score or 0.0, ranked[-1].score or 0.0)
        yield "model", cut(candidate.model, NAME), _relative(finite(gain), finite(candidate.score))


def _relative(gain: float | None, score: float | None) -> float | None:
    """The gain as a share of the score."""
    return None if gain is None or score is None else finite(gain / max(abs(score), 1e-9))


def _lesson_line(key: tuple[str, str, str], outcomes: Sequence[tuple[str, float | None]]) -> LessonLine:
    gains = [gain for _, gain in outcomes if gain is not None]
    return LessonLine(
        task_kind=key[0],
        topic=key[1],
        name=key[2],
        tasks=len({task for task, _ in outcomes}),
        tried=len(outcomes),
        paid=sum(gain > 0 for gain in gains),
        mean_relative_gain=mean(gains),
    )
