"""`report.html`: a study or a run on one self-contained page that needs no network and no script."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import DiffLexer, PythonLexer

from mlestar.records.base import Record
from mlestar.records.run import Cost, History, RunSummary
from mlestar.records.settings import Settings
from mlestar.records.strategy import Goal
from mlestar.tracking.charts import (
    Bar,
    ScoreChart,
    ablation_bars,
    attempt_bars,
    number,
    score_chart,
)
from mlestar.tracking.time_chart import TimeChart, time_chart
from mlestar.tracking.timeline import Timeline
from mlestar.tracking.totals import improvement_percent, total_cost

CODE_CHARACTERS = 120_000


class Story(Record):
    """A run with what its report shows beside the summary."""

    summary: RunSummary
    timeline: Timeline = Timeline()
    first_script: str = ""
    """The first script that got a score."""
    final_script: str = ""


class Decision(Record):
    """What the Enhancer changed for a run and what came of it."""

    run_id: str
    summary: str
    changes: tuple[str, ...]
    goals: tuple[Goal, ...]
    effect: str
    better: bool


class RunPart(Record):
    """A run as the page shows it."""

    run: RunSummary
    gained: str
    ablation: tuple[Bar, ...]
    attempts: tuple[Bar, ...]
    times: TimeChart | None
    warnings: tuple[str, ...]


class Page(Record):
    """All that the template is given."""

    title: str
    history: History
    best: RunSummary | None
    improvement: float | None
    cost: Cost
    seconds: float
    scores: ScoreChart | None
    decisions: tuple[Decision, ...]
    parts: tuple[RunPart, ...]
    final_code: str
    difference: str


def run_report(story: Story) -> str:
    """The page of one run."""
    return _rendered(_page(f"{story.summary.task} · {story.summary.run_id}", [story], [story]))


def study_report(stories: Sequence[Story], history: History) -> str:
    """The page of a study; `history` has all runs, `stories` those that are shown in detail."""
    told = {story.summary.mlflow_run_id: story for story in stories}
    everyone = [told.get(run.mlflow_run_id, Story(summary=run)) for run in history.runs]
    task = history.runs[0].task if history.runs else "study"
    return _rendered(_page(task, everyone, stories))


def _page(title: str, stories: Sequence[Story], detailed: Sequence[Story]) -> Page:
    history = History(runs=tuple(story.summary for story in stories))
    best = history.best()
    final = next((story.final_script for story in stories if story.summary is best), "")
    first = next((story.first_script for story in stories if story.first_script), "")
    return Page(
        title=title,
        history=history,
        best=best,
        improvement=improvement_percent(history),
        cost=total_cost(history),
        seconds=sum(run.seconds for run in history.runs),
        scores=_scores(stories),
        decisions=decisions(history),
        parts=tuple(_part(story, stories[0].summary) for story in detailed),
        final_code=final,
        difference=difference(first, final),
    )


def decisions(history: History) -> tuple[Decision, ...]:
    """The Enhancer's decisions in plain words beside their effect."""
    made = []
    for place, run in enumerate(history.runs):
        if run.strategy is None:
            continue
        before = History(runs=history.runs[:place])
        effect, better = effect_of(run, before.best() if before.runs else None)
        made.append(
            Decision(
                run_id=run.run_id,
                summary=run.strategy.strategic_summary,
                changes=changes(run, before.runs[-1].settings if before.runs else None),
                goals=tuple(sorted(run.strategy.strategic_goals, key=lambda goal: goal.priority)),
                effect=effect,
                better=better,
            )
        )
    return tuple(made)


def effect_of(run: RunSummary, before: RunSummary | None) -> tuple[str, bool]:
    """What a run brought over the best run before it, in words, and whether it was better."""
    if run.score is None:
        return f"the run has no score: {run.error or run.status}", False
    if before is None or before.score is None:
        return f"score {number(run.score)}; nothing to compare with", False
    gain = run.metric.gain(run.score, before.score)
    share = f" ({100 * abs(gain) / abs(before.score):.2g} %)" if before.score else ""
    words = f"score {number(run.score)}, the best before was {number(before.score)} ({before.run_id})"
    if gain > 0:
        return f"better by {gain:.3g}{share}: {words}", True
    return (f"as good: {words}" if gain == 0 else f"not better, {-gain:.3g}{share} short: {words}"), False


def changes(run: RunSummary, before: Settings | None) -> tuple[str, ...]:
    """The settings that differ from the run before, as `name old → new`."""
    now = run.settings.model_dump()
    if before is None:
        overrides = {} if run.strategy is None else run.strategy.config_overrides
        return tuple(f"{name} = {value}" for name, value in overrides.items())
    old = before.model_dump()
    return tuple(f"{name} {old[name]} → {now[name]}" for name in now if now[name] != old[name])


def difference(first: str, final: str) -> str:
    """Unified diff of two scripts; empty when one is missing or they are equal."""
    if not first or not final:
        return ""
    lines = difflib.unified_diff(
        first.splitlines(), final.splitlines(), "first script", "final script", lineterm="", n=3
    )
    return "\n".join(lines)


def _part(story: Story, first: RunSummary) -> RunPart:
    run = story.summary
    gained = ""
    if run is not first and run.score is not None and first.score is not None:
        gained = f"{run.metric.gain(run.score, first.score):+.3g}"
    return RunPart(
        run=run,
        gained=gained,
        ablation=ablation_bars(run),
        attempts=attempt_bars(run),
        times=time_chart(story.timeline),
        warnings=tuple(remark.text for remark in story.timeline.remarks if remark.level == "warning"),
    )


def _scores(stories: Sequence[Story]) -> ScoreChart | None:
    if not stories:
        return None
    return score_chart([(story.summary.run_id, story.timeline) for story in stories], stories[0].summary.metric)


def _rendered(page: Page) -> str:
    colours = HtmlFormatter(style="default").get_style_defs(".code")
    return _pages().get_template("report.html.j2").render(page=page, colours=Markup(colours))


@cache
def _pages() -> Environment:
    """The templates, compiled once."""
    pages = Environment(
        loader=PackageLoader("mlestar.tracking"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters["number"] = number
    pages.filters["python"] = lambda code: _coloured(code, PythonLexer())
    pages.filters["diff"] = lambda text: _coloured(text, DiffLexer())
    return pages


def _coloured(code: str, lexer: PythonLexer | DiffLexer) -> Markup:
    return Markup(highlight(code[:CODE_CHARACTERS], lexer, HtmlFormatter(nowrap=True)))
