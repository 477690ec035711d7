"""What is on the tape survives, and what is on it is not done again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mlestar.doors import Job
from mlestar.errors import BadAnswer
from mlestar.pipeline.run import run_pipeline
from mlestar.questions.answers import Text
from mlestar.questions.initialization import SummarizeTask
from mlestar.records.settings import Settings
from mlestar.records.solution import Script
from mlestar.tape.tape import DecisionLine, Tape
from mlestar.tape.taped import ReplayEngineer, TapedClock, TapedEngineer, TapedExecutor
from tests.doubles import ToyEngineer, ToyExaminer, ToyExecutor, ToyNotebook, scored, toy_brief
from tests.doubles import toy_lab as lab_of
from tests.pipeline.toys import engineer


def question(sample: int = 0) -> SummarizeTask:
    return SummarizeTask(assignment=toy_brief(Settings()).assignment, sample=sample)


def job(source: str = "", seconds: float = 0.0) -> Job:
    view = ToyExaminer().views[0]
    script = Script(source=source or scored(1.0, seconds=seconds))
    return Job(script=script, view=view, timeout_seconds=10, time_limit_seconds=5, seed=1)


def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "tape.jsonl"
    tape = Tape(path)
    tape.append(DecisionLine(key="first", value=1))
    tape.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind": "decision", "key": "to')
    again = Tape(path)
    assert set(again.decisions) == {"first"}
    again.append(DecisionLine(key="second", value=2))
    again.close()
    assert set(Tape(path).decisions) == {"first", "second"}


async def test_an_answered_question_is_not_asked_again_after_a_restart(tmp_path: Path) -> None:
    first, second = engineer(), engineer()
    tape = Tape(tmp_path / "tape.jsonl")
    answer = await TapedEngineer(first, tape).ask(question())
    tape.close()
    again = await TapedEngineer(second, Tape(tmp_path / "tape.jsonl")).ask(question())
    assert again == answer
    assert second.asked == []


async def test_a_bad_answer_is_remembered_too(tmp_path: Path) -> None:
    silent = ToyEngineer({})
    for _ in range(2):
        tape = Tape(tmp_path / "tape.jsonl")
        with pytest.raises(BadAnswer, match="SummarizeTask"):
            await TapedEngineer(silent, tape).ask(question())
        tape.close()
    assert len(silent.asked) == 1


async def test_another_sample_is_another_question(tmp_path: Path) -> None:
    asked = engineer()
    taped = TapedEngineer(asked, Tape(tmp_path / "tape.jsonl"))
    await taped.ask(question(0))
    await taped.ask(question(1))
    assert len(asked.asked) == 2


async def test_two_who_want_the_same_execution_wait_for_one(tmp_path: Path) -> None:
    executor = ToyExecutor()
    taped = TapedExecutor(executor, Tape(tmp_path / "tape.jsonl"))
    first, second = await asyncio.gather(taped.execute(job(seconds=0.05)), taped.execute(job(seconds=0.05)))
    assert first == second
    assert len(executor.jobs) == 1


async def test_cancelling_one_who_waits_does_not_end_the_work_of_the_other(tmp_path: Path) -> None:
    executor = ToyExecutor()
    taped = TapedExecutor(executor, Tape(tmp_path / "tape.jsonl"))
    one, other = (asyncio.create_task(taped.execute(job(seconds=0.05))) for _ in range(2))
    await asyncio.sleep(0.01)
    one.cancel()
    assert (await other).status == "ok"
    assert one.cancelled()


async def test_a_cancelled_execution_is_not_kept(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tape.jsonl")
    task = asyncio.create_task(TapedExecutor(ToyExecutor(), tape).execute(job(seconds=1)))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert tape.executions == {}


def test_a_decision_stands_and_time_is_counted_over_restarts(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tape.jsonl")
    clock = TapedClock(tape, 100.0)
    assert clock.decide("affords", lambda: 1.0) == 1.0
    assert clock.decide("affords", lambda: 0.0) == 1.0
    before = tape.elapsed_seconds
    tape.append(DecisionLine(key="later", value=0))
    tape.close()
    again = TapedClock(Tape(tmp_path / "tape.jsonl"), 100.0)
    assert again.decide("affords", lambda: 0.0) == 1.0
    assert again.seconds_left() <= 100.0 - before


async def test_a_replay_answers_by_place_when_a_measured_number_differs(tmp_path: Path) -> None:
    tape = Tape(tmp_path / "tape.jsonl")
    await TapedEngineer(engineer(SummarizeTask=lambda q: Text(text="as before")), tape).ask(question())
    changed = toy_brief(Settings()).assignment.model_copy(update={"script_seconds": 59.0})
    answer = await ReplayEngineer(tape).ask(SummarizeTask(assignment=changed))
    assert answer.text == "as before"


@pytest.mark.parametrize("lines", [1, 5, 12, 20])
async def test_a_run_cut_off_anywhere_ends_as_the_uninterrupted_one(tmp_path: Path, lines: int) -> None:
    async def run(path: Path) -> tuple[object, int]:
        asked, tape = engineer(), Tape(path)
        lab = lab_of(asked)
        lab = type(lab)(
            engineer=TapedEngineer(asked, tape),
            executor=TapedExecutor(ToyExecutor(), tape),
            notebook=ToyNotebook(),
            examiner=ToyExaminer(),
            clock=TapedClock(tape, 3600),
        )
        record = await run_pipeline(toy_brief(Settings()), lab)
        tape.close()
        assert record.submission is not None
        return (record.submission.trial.script, record.submission.trial.score), len(asked.asked)

    whole = tmp_path / "whole.jsonl"
    result, asked = await run(whole)
    cut = tmp_path / "cut.jsonl"
    kept = whole.read_bytes().splitlines(keepends=True)[:lines]
    cut.write_bytes(b"".join(kept))
    resumed, asked_again = await run(cut)
    assert resumed == result
    assert asked_again == asked - sum(b'"kind":"answer"' in line for line in kept)
