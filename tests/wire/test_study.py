"""Whole studies over both wires, in a process of their own as a user starts them."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from mlestar.playbook.book import Playbook
from tests.wire.replies import CONTENT_FAULTS
from tests.wire.server import FakeService

ROOT = Path(__file__).resolve().parents[2]
KEY = "planted-key-90ab"
SMALL = (
    "task=diabetes",
    "runs=1",
    "settings.num_solutions=1",
    "settings.num_model_candidates=1",
    "settings.computational_budget=90",
    "store.register_model=false",
)
PASSING = ("429", "500", "503", "dropped", "half_reply", "garbage", *(set(CONTENT_FAULTS) - {"prompt_blocked"}))


async def study(folder: Path, *overrides: str) -> tuple[int, str]:
    """Exit code and everything that was said."""
    environment = {
        **{name: value for name, value in os.environ.items() if "KEY" not in name and not name.startswith("MLFLOW_")},
        "PYTHONPATH": str(ROOT),
        "GEMINI_API_KEY": KEY,
        "OPENAI_API_KEY": KEY,
        "OMP_NUM_THREADS": "1",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "mlestar",
        *SMALL,
        *overrides,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


def files_that_hold(folder: Path, text: str) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.slow
async def test_a_study_over_geminis_wire_ends_well_though_a_third_of_the_calls_fails(tmp_path: Path) -> None:
    chaotic = FakeService(Playbook(), key=KEY, chaos=tuple(sorted(PASSING)), chaos_share=0.33, seed=4)
    with chaotic as fake:
        patient = ("engineer.pause_seconds=0.01", "engineer.max_attempts=12", "settings.max_retry=8")
        code, said = await study(tmp_path, "engineer=gemini", f"engineer.base_url={fake.url}", *patient)
    assert code == 0, said
    assert re.search(r"run_0 │ finished", said)
    assert sum(bool(seen.fault) for seen in fake.seen) >= 3
    assert {seen.key for seen in fake.seen} == {KEY}
    assert files_that_hold(tmp_path, KEY) == []
    assert KEY not in said
    assert files_that_hold(tmp_path, "You are a senior machine-learning engineer")  # prompts are kept


@pytest.mark.slow
async def test_a_study_over_the_wire_of_chat_completions_ends_well_within_its_limit(tmp_path: Path) -> None:
    with FakeService(Playbook(), key=KEY) as fake:
        code, said = await study(
            tmp_path, "engineer=openai", f"engineer.base_url={fake.url}/v1", "settings.max_usd=2.0"
        )
    assert code == 0, said
    assert re.search(r"run_0 │ finished", said)
    assert {seen.question for seen in fake.seen} >= {"SummarizeTask", "WriteCandidate", "ChooseTarget", "WriteBlock"}
    assert files_that_hold(tmp_path, KEY) == []


@pytest.mark.slow
async def test_a_study_that_an_outage_cut_off_goes_on_where_it_stopped(tmp_path: Path) -> None:
    short = ("settings.outer_loop_round=0", "settings.ensemble_loop_round=0", "engineer.pause_seconds=0.01")
    with FakeService(Playbook(), key=KEY) as fake:
        gemini = ("engineer=gemini", f"engineer.base_url={fake.url}", "engineer.max_attempts=2", *short)
        fake.faults.extend(["", "", "503", "503"])
        code, said = await study(tmp_path, *gemini)
        assert code == 1, said
        assert "503 UNAVAILABLE" in said
        assert "resume=" in said
        before = [seen.question for seen in fake.seen]
        code, said = await study(tmp_path, *gemini, "resume=latest")
    assert code == 0, said
    assert re.search(r"run_0 │ finished", said)
    after = [seen.question for seen in fake.seen][len(before) :]
    assert before[:2] == ["SummarizeTask", "RetrieveModels"]
    assert after == ["WriteCandidate"]


@pytest.mark.slow
async def test_a_missing_key_ends_a_study_before_it_starts(tmp_path: Path) -> None:
    code, said = await study(tmp_path, "engineer=gemini", "engineer.api_key_variable=NOT_SET_ANYWHERE")
    assert code == 2
    assert said.strip() == "mlestar: no key: set the environment variable NOT_SET_ANYWHERE or GOOGLE_API_KEY"
