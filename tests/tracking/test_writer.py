"""Nothing is lost while the store is away, and nobody waits for it; one that never comes back is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence

import pytest

from mlestar.errors import StoreUnavailable
from mlestar.tracking.backend import Point
from mlestar.tracking.faults import StoreRefused
from mlestar.tracking.spans import Span
from mlestar.tracking.writer import Mark, Patience, Place, Text, Writer

PLACE = Place(experiment_id="1", run_id="r", trace_id="0" * 32)


class Memory:
    """A backend that remembers, and that fails as long as it is told to."""

    def __init__(self) -> None:
        self.points: list[Point] = []
        self.texts: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.spans: list[Span] = []
        self.calls = 0
        self.error: StoreUnavailable | None = None
        self.gate = threading.Event()
        self.gate.set()

    def log(
        self, run_id: str, *, points: Sequence[Point] = (), params: Mapping[str, str] = {}, tags: Mapping[str, str] = {}
    ) -> None:
        self._answer()
        self.points += points
        self.tags |= tags

    def log_texts(self, run_id: str, texts: Mapping[str, str]) -> None:
        self._answer()
        self.texts |= texts

    def log_spans(self, experiment_id: str, trace_id: str, spans: Sequence[Span]) -> None:
        self._answer()
        self.spans += spans

    def _answer(self) -> None:
        self.calls += 1
        self.gate.wait(10)
        if self.error is not None:
            raise self.error


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def said() -> list[str]:
    return []


def patient(said: list[str], seconds: float = 60) -> Patience:
    return Patience(seconds, said.append, sleep=lambda _: time.sleep(0.005))


@pytest.fixture
def writer(memory: Memory, said: list[str]) -> Iterator[Writer]:
    writer = Writer(memory, PLACE, patient(said))
    yield writer
    memory.error = None
    writer.close(5)


def point(step: int) -> Point:
    return Point(key="score", value=float(step), step=step, at=0.0)


def test_everything_is_written_in_order(memory: Memory, writer: Writer) -> None:
    writer.put(*(point(step) for step in range(5)), Text(path="a.py", text="pass"), Mark(key="status", value="ok"))
    writer.flush()
    assert [each.step for each in memory.points] == [0, 1, 2, 3, 4]
    assert memory.texts == {"a.py": "pass"}
    assert memory.tags == {"status": "ok"}


def test_putting_does_not_wait_for_a_slow_store(memory: Memory, writer: Writer) -> None:
    memory.gate.clear()
    began = time.monotonic()
    for step in range(1000):
        writer.put(point(step))
    assert time.monotonic() - began < 5
    memory.gate.set()
    writer.flush()
    assert len(memory.points) == 1000


def test_many_entries_take_few_calls(memory: Memory, writer: Writer) -> None:
    memory.gate.clear()
    for step in range(500):
        writer.put(point(step))
    memory.gate.set()
    writer.flush()
    assert memory.calls <= 3


def test_a_store_that_was_away_gets_everything_and_the_person_is_told(
    memory: Memory, writer: Writer, said: list[str]
) -> None:
    memory.error = StoreUnavailable("connection refused")
    writer.put(point(0))
    while memory.calls < 3:
        time.sleep(0.005)
    writer.put(point(1))
    memory.error = None
    writer.flush()
    assert [each.step for each in memory.points] == [0, 1]
    assert "does not answer (connection refused); nothing is lost" in said[0]
    assert "answers again" in said[1]
    assert len(said) == 2


def test_a_store_that_never_comes_back_is_said_and_waited_for_no_longer(memory: Memory, said: list[str]) -> None:
    memory.error = StoreUnavailable("connection refused")
    writer = Writer(memory, PLACE, patient(said, seconds=0.6))
    writer.put(point(0))
    with pytest.raises(StoreUnavailable, match="stayed away"):
        writer.flush()
    with pytest.raises(StoreUnavailable, match="connection refused"):
        writer.check()
    writer.put(point(1))
    writer.close(1)


def test_a_store_that_refuses_is_not_asked_again(memory: Memory, said: list[str]) -> None:
    memory.error = StoreRefused("run r is deleted")
    writer = Writer(memory, PLACE, patient(said))
    writer.put(point(0))
    with pytest.raises(StoreUnavailable, match="run r is deleted"):
        writer.flush()
    assert memory.calls == 1


def test_closing_writes_what_is_left(memory: Memory, said: list[str]) -> None:
    writer = Writer(memory, PLACE, patient(said))
    writer.put(point(0))
    writer.close()
    assert len(memory.points) == 1
