"""The report says what happened, on one page without network, whatever happened."""

from __future__ import annotations

import re
from pathlib import Path

from mlestar.events import Scope
from mlestar.records.run import History
from mlestar.records.task import Metric
from mlestar.tracking.charts import bars, nice_values, score_chart
from mlestar.tracking.report import Story, decisions, difference, run_report, study_report
from mlestar.tracking.summary import summarize
from mlestar.tracking.time_chart import time_chart
from mlestar.tracking.timeline import Activity, Chronicle, Step, Timeline
from tests.tracking.samples import RMSE, START, a_brief, a_record, a_strategy, a_task, events_of


def timeline_of(best_score: float) -> Timeline:
    chronicle = Chronicle()
    for event in events_of(best_score):
        chronicle.note(event)
    return chronicle.timeline


def a_story(folder: Path, run_id: str = "run_0", score: float = 4.0, **changes: object) -> Story:
    brief = a_brief(a_task(folder), run_id, strategy=None if run_id == "run_0" else a_strategy())
    summary = summarize(a_record(brief, score, None, **changes), engineer="playbook", mlflow_run_id=run_id)
    return Story(
        summary=summary,
        timeline=timeline_of(score),
        first_script="import pandas\nprint(1)\n",
        final_script="import pandas\nprint(2)\n",
    )


def words(page: str) -> str:
    """The text of a page as a reader sees it."""
    body = re.sub(r"<(style|script).*?</\1>", "", page, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def test_a_study_shows_its_runs_its_winner_and_what_the_enhancer_brought(tmp_path: Path) -> None:
    stories = (a_story(tmp_path), a_story(tmp_path, "run_1", 3.0))
    text = words(study_report(stories, History(runs=tuple(story.summary for story in stories))))
    assert "best score 3 run_1" in text
    assert "better than run 0 by 25.00 %" in text
    assert "Refine longer." in text
    assert "Effect: better by 1 (25 %): score 3, the best before was 4 (run_0)" in text
    assert "scaler removed · solution 1" in text


def test_a_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    page = run_report(a_story(tmp_path))
    assert "<script" not in page
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(""", page)
    assert len(page) < 200_000


def test_what_scripts_and_engineers_wrote_is_shown_as_text(tmp_path: Path) -> None:
    story = a_story(tmp_path, error="<script>alert(1)</script>", status="failed")
    page = run_report(story.model_copy(update={"final_script": "print('</pre><script>alert(2)</script>')"}))
    assert "<script" not in page


def test_a_failed_study_and_one_without_runs_have_a_page_too(tmp_path: Path) -> None:
    failed = a_story(tmp_path, best=None, status="failed", error="no script made a valid submission")
    bare = Story(summary=failed.summary)
    assert "no script made a valid submission" in words(study_report([bare], History(runs=(bare.summary,))))
    assert "nothing was scored" in words(study_report([], History()))


def test_the_final_script_is_compared_with_the_first() -> None:
    assert difference("a\nb", "a\nc").splitlines()[-2:] == ["-b", "+c"]
    assert difference("a", "a") == ""


def test_a_decision_that_did_not_help_is_said(tmp_path: Path) -> None:
    runs = (a_story(tmp_path).summary, a_story(tmp_path, "run_1", 5.0).summary)
    (made,) = decisions(History(runs=runs))
    assert not made.better
    assert made.effect.startswith("not better, 1 (25 %) short")


def steps(*scores: float | None) -> Timeline:
    return Timeline(
        steps=tuple(Step(scope=Scope(phase="refinement"), at=0, score=s, best_score=None, seconds=1) for s in scores)
    )


def test_a_score_far_worse_than_the_others_does_not_flatten_the_chart() -> None:
    chart = score_chart([("run_0", steps(1.0, 1.1, 1.2, 1.3, 1.4, 1e6, None))], RMSE)
    assert chart is not None
    assert [dot.kind for dot in chart.dots] == ["inside"] * 5 + ["outside", "failed"]
    heights = [dot.y for dot in chart.dots[:5]]
    assert heights == sorted(heights, reverse=True)
    assert max(heights) - min(heights) > 80


def test_the_best_line_follows_the_direction_of_the_metric() -> None:
    accuracy = Metric(name="accuracy", direction="maximize", needs="labels")
    chart = score_chart([("run_0", steps(0.5, 0.9, 0.7))], accuracy)
    assert chart is not None
    heights = [float(point.split(",")[1]) for point in chart.best_line.split()]
    assert heights[2] < heights[0]
    assert heights[4] == heights[2]


def test_equal_scores_and_a_single_one_are_drawn() -> None:
    assert score_chart([("run_0", steps(2.0))], RMSE) is not None
    assert score_chart([("run_0", steps(0.0, 0.0))], RMSE) is not None
    assert score_chart([("run_0", steps(None))], RMSE) is not None
    assert score_chart([("run_0", Timeline())], RMSE) is None


def test_ticks_are_round_numbers_inside_the_range() -> None:
    assert nice_values(0.47, 0.512) == [0.47, 0.48, 0.49, 0.5, 0.51]


def test_bars_share_one_zero() -> None:
    worse, better, failed = bars([("a", "", -3.0), ("b", "", 1.0), ("c", "", None)])
    assert (worse.left, worse.width) == (0.0, 75.0)
    assert (better.left, better.width) == (75.0, 25.0)
    assert failed.text == "failed"


def test_what_ran_together_lies_in_different_lanes_and_idle_time_is_found() -> None:
    spans = [(0, 4), (1, 2), (4, 1), (8, 2)]
    activities = tuple(
        Activity(kind="executed", name="fold_0", scope=Scope(), started_at=START + at, seconds=seconds)
        for at, seconds in spans
    )
    chart = time_chart(Timeline(activities=activities))
    assert chart is not None
    assert [len(lane) for lane in chart.executed] == [3, 1]
    assert chart.idle_seconds == 3
