"""What a person sees: the report and the MLflow UI, opened with a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlestar.records.settings import Settings
from mlestar.tracking.links import Look
from mlestar.tracking.store import Store, StoreConfig, open_store
from tests.contracts.stores import mlflow_server
from tests.tracking.samples import a_brief, a_record, a_strategy, a_task, events_of

if TYPE_CHECKING:
    from playwright.sync_api import Browser

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install mlestar[dev]")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync")
WAIT_MILLISECONDS = 30_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield opened
        opened.close()


class Seen:
    """A finished study in a store that a UI shows."""

    def __init__(self, store: Store, folder: Path) -> None:
        task = a_task(folder / "task")
        study = store.start_study(task, Settings(), engineer="playbook", runs=2)
        for number, score in enumerate((4.125, 3.0625)):
            brief = a_brief(task, f"run_{number}", study.study_id, strategy=a_strategy() if number else None)
            run = study.start_run(brief)
            for event in events_of(score):
                run.note(event)
            run.finish(a_record(brief, score))
        study.finish()
        self.look: Look = study.look()
        self.report = folder / "report.html"
        self.report.write_text(store.artifact_text(study.study_id, "report.html"))


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("seen")
    with mlflow_server(folder, f"sqlite:///{folder}/mlflow.db") as uri:
        yield Seen(open_store(StoreConfig(tracking_uri=uri)), folder)


@pytest.mark.parametrize("width", [1280, 360])
def test_the_report_shows_the_numbers_at_any_width_and_asks_nobody(browser: Browser, seen: Seen, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(seen.report.as_uri())
    text = page.inner_text("body")
    assert "3.0625" in text
    assert "25.76 %" in text
    assert "Refine longer." in text
    assert page.locator(".dot").count() == 6
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert asked == [seen.report.as_uri()]
    page.close()


def test_the_mlflow_page_of_the_study_names_the_winner_and_shows_the_report(browser: Browser, seen: Seen) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(seen.look.study)
    page.get_by_text("rmse 3.0625").first.wait_for(timeout=WAIT_MILLISECONDS)
    page.goto(seen.look.study.replace("?", "/artifacts/report.html?"))
    page.frame_locator("iframe").get_by_text("better than run 0 by").first.wait_for(timeout=WAIT_MILLISECONDS)
    page.close()


def test_the_mlflow_charts_compare_the_runs_best_first(browser: Browser, seen: Seen) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.goto(seen.look.runs)
    page.get_by_role("link", name="run_1").first.wait_for(timeout=WAIT_MILLISECONDS)
    page.get_by_text("best_score").first.wait_for(timeout=WAIT_MILLISECONDS)
    names = page.get_by_role("link", name="run_").all_inner_texts()
    assert names[:2] == ["run_1", "run_0"]
    page.close()
