"""From a history to what a research lead is told: pure, bounded, most informative first.

A whole state would be some 40 kB for the smallest run and grow with every run.
"""

from __future__ import annotations

from collections.abc import Sequence

from mlestar.enhancer.figures import finite
from mlestar.enhancer.outcomes import best_before, identity, phase_table, run_line, strategy_lines
from mlestar.enhancer.situation import comparable
from mlestar.enhancer.studies import lesson_table, study_table
from mlestar.enhancer.tables import (
    attempt_lines,
    component_lines,
    cost_line,
    fault_table,
    focus_table,
    model_table,
    setting_lines,
)
from mlestar.records.digest import BestLine, HistoryDigest, LessonLine, RunLine
from mlestar.records.run import History, RunSummary
from mlestar.records.task import Metric

LIMIT_BYTES = 30_000
LEAST_BYTES = 20_000
"""One line of each table fits in so many bytes, whatever its texts."""
FEWEST = 1
"""Lines of a table that are always kept."""
RUNS_IN_FULL = 3
"""Newest runs whose phases are told."""
MOST_LINES = {
    "faults": 8,
    "components": 16,
    "lessons": 30,
    "models": 20,
    "runs": 40,
    "earlier_studies": 8,
    "attempts": 24,
    "strategies": 16,
    "foci": 40,
}
"""Lines of each table that are ever worth telling, the least telling table first."""


def digest(
    history: History,
    earlier: History | None = None,
    *,
    task: str = "",
    kind: str = "",
    metric: Metric | None = None,
    data: str = "",
    carries_best: bool = False,
    limit_bytes: int = LIMIT_BYTES,
) -> HistoryDigest:
    """The digest of a study and of what earlier studies taught.

    Its `text` takes at most `limit_bytes` (not below `LEAST_BYTES`) however long the history and its texts are. Earlier
    runs of `task` by another metric, or on other data than those of the digest `data`, are left out; runs of other
    tasks only become lessons, those of tasks of the same `kind` first. The same history gives the same digest.
    """
    ended = [run for run in history.runs if run.status != "running"]
    before = [run for run in (earlier.runs if earlier else ()) if run.status != "running"]
    name = task or (ended[-1].task if ended else "")
    wanted = metric or (ended[-1].metric if ended else None)
    same = [run for run in before if comparable(run, name, wanted or run.metric, data)]
    others = [run for run in before if run.task != name]
    whole = _assembled(ended, same, lesson_table(others, kind))
    carried = carries_best and any(run.known is not None for run in (*same, *ended))
    return _bounded(whole.model_copy(update={"task_kind": kind, "carries_best": carried}), limit_bytes)


def _assembled(
    ended: Sequence[RunSummary], same: Sequence[RunSummary], lessons: tuple[LessonLine, ...]
) -> HistoryDigest:
    known = [*same, *ended]
    if not known:
        return HistoryDigest(lessons=lessons)
    last = known[-1]
    study = ended[-1].study_id if ended else ""
    return HistoryDigest(
        metric=last.metric.name,
        direction=last.metric.direction,
        runs_done=len(ended),
        runs_failed=sum(finite(run.score) is None for run in ended),
        best=_best_line(known, study),
        runs_since_best=_runs_since_best(ended),
        settings=setting_lines(last),
        cost=cost_line(ended),
        phases=phase_table(known),
        foci=focus_table(known),
        strategies=strategy_lines(ended),
        runs=_run_lines(ended, study),
        models=model_table(known),
        attempts=attempt_lines(last),
        components=component_lines(last),
        faults=fault_table(ended or same),
        earlier_studies=study_table(same),
        lessons=lessons,
    )


def _best_line(known: Sequence[RunSummary], study: str) -> BestLine | None:
    best = History(runs=tuple(known)).best_known()
    score = None if best is None else finite(best.known_score)
    if best is None or score is None:
        return None
    return BestLine(
        run=best.run_id, study="" if best.study_id == study else best.study_id, score=score, seconds=best.seconds
    )


def _runs_since_best(ended: Sequence[RunSummary]) -> int:
    best = History(runs=tuple(ended)).best_known()
    return 0 if best is None else len(ended) - 1 - ended.index(best)


def _run_lines(ended: Sequence[RunSummary], study: str) -> tuple[RunLine, ...]:
    """The last runs, the record setters, then the others from the newest."""
    before = best_before(ended)
    newest = list(reversed(ended))
    setters = [run for run in newest if run.metric.better(run.known_score, before[identity(run)])]
    order = {identity(run): run for run in (*newest[:RUNS_IN_FULL], *setters, *newest)}
    return tuple(
        run_line(run, before[identity(run)], study=study, in_full=position < RUNS_IN_FULL)
        for position, run in enumerate(order.values())
    )


def _bounded(whole: HistoryDigest, limit_bytes: int) -> HistoryDigest:
    """Shorten tables from their least informative end until the text fits, and say by how much."""
    if limit_bytes < LEAST_BYTES:
        raise ValueError(f"limit_bytes is {limit_bytes}; at least {LEAST_BYTES} are needed")
    kept = {table: min(most, len(getattr(whole, table))) for table, most in MOST_LINES.items()}
    fitting = _shortened(whole, kept)
    while _bytes(fitting) > limit_bytes:
        cuttable = [table for table in MOST_LINES if kept[table] > FEWEST]
        if not cuttable:
            break
        widest = max(cuttable, key=lambda table: _bytes_of(fitting, table))
        kept[widest] = max(FEWEST, kept[widest] * 3 // 4)
        fitting = _shortened(whole, kept)
    return fitting


def _shortened(whole: HistoryDigest, kept: dict[str, int]) -> HistoryDigest:
    lengths = {table: len(getattr(whole, table)) for table in MOST_LINES}
    cuts = {table: getattr(whole, table)[: kept[table]] for table in MOST_LINES}
    left_out = tuple(
        f"{table}: {lengths[table] - kept[table]} of {lengths[table]} left out"
        for table in MOST_LINES
        if kept[table] < lengths[table]
    )
    return whole.model_copy(update={**cuts, "left_out": left_out})


def _bytes(digest_record: HistoryDigest) -> int:
    return len(digest_record.text.encode())


def _bytes_of(digest_record: HistoryDigest, table: str) -> int:
    return sum(len(line.model_dump_json(exclude_defaults=True).encode()) for line in getattr(digest_record, table))
