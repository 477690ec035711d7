"""One thread that writes a run to the store, so that nothing waits for the store while it is slow or away."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from mlestar.errors import StoreUnavailable
from mlestar.records.base import Record
from mlestar.tracking.backend import Backend, Point
from mlestar.tracking.faults import StoreRefused
from mlestar.tracking.spans import Span

FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 20.0
BATCH_SECONDS = 0.3

R = TypeVar("R")
Say = Callable[[str], None]


class Text(Record):
    """A text artifact."""

    path: str
    text: str


class Mark(Record):
    """A tag."""

    key: str
    value: str


Entry = Point | Text | Mark | Span


class Place(Record):
    """What a writer writes to."""

    experiment_id: str
    run_id: str
    trace_id: str


class Patience:
    """Makes a call again and again while the store does not answer, and tells a person that it waits."""

    def __init__(self, seconds: float, say: Say, sleep: Callable[[float], object] = time.sleep) -> None:
        self.seconds = seconds
        self._say = say
        self._sleep = sleep

    def call(self, action: Callable[[], R]) -> R:
        """The result; StoreUnavailable when the store stays away longer than the patience lasts."""
        began: float | None = None
        delay = FIRST_DELAY_SECONDS
        while True:
            try:
                result = action()
            except StoreRefused:
                raise
            except StoreUnavailable as error:
                now = time.monotonic()
                if began is None:
                    self._say(f"the tracking store does not answer ({error}); nothing is lost, trying again")
                began = now if began is None else began
                if now - began + delay > self.seconds:
                    raise StoreUnavailable(
                        f"the tracking store stayed away for {now - began:.0f} s: {error}"
                    ) from error
                self._sleep(delay)
                delay = min(2 * delay, LONGEST_DELAY_SECONDS)
            else:
                if began is not None:
                    self._say(f"the tracking store answers again after {time.monotonic() - began:.0f} s")
                return result


class Writer:
    """Takes entries at once and writes them in batches, in order, from a thread of its own.

    When the store stays away longer than the patience lasts, or refuses, the writer gives up: later entries are
    dropped and `check` and `flush` raise StoreUnavailable.
    """

    def __init__(self, backend: Backend, place: Place, patience: Patience) -> None:
        self._backend = backend
        self._place = place
        self._patience = patience
        self._entries: deque[Entry] = deque()
        self._changed = threading.Condition()
        self._urgent = False
        self._closing = False
        self._lost: StoreUnavailable | None = None
        self._thread = threading.Thread(target=self._work, name=f"store-writer-{place.run_id[:8]}", daemon=True)
        self._thread.start()

    def put(self, *entries: Entry) -> None:
        """Take entries; never waits for the store."""
        with self._changed:
            if self._lost is None:
                self._entries.extend(entries)
                self._changed.notify_all()

    def check(self) -> None:
        """Raise StoreUnavailable when entries were given up."""
        if self._lost is not None:
            raise self._lost

    def flush(self) -> None:
        """Wait until everything is written; StoreUnavailable when it cannot be."""
        with self._changed:
            self._urgent = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._entries or self._lost is not None)
            self._urgent = False
        self.check()

    def close(self, seconds: float | None = None) -> None:
        """Write what is left and end the thread; wait for it no longer than the given seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(seconds)

    def _work(self) -> None:
        while self._wait_for_entries():
            batch = tuple(self._entries)
            try:
                self._patience.call(lambda entries=batch: self._write(entries))  # type: ignore[misc]
            except StoreUnavailable as error:
                self._give_up(error)
                return
            with self._changed:
                for _ in batch:
                    self._entries.popleft()
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._urgent or self._closing, timeout=BATCH_SECONDS)

    def _wait_for_entries(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._entries or self._closing)
            return bool(self._entries)

    def _give_up(self, error: StoreUnavailable) -> None:
        with self._changed:
            self._lost = error
            self._entries.clear()
            self._changed.notify_all()

    def _write(self, entries: Sequence[Entry]) -> None:
        points = [entry for entry in entries if isinstance(entry, Point)]
        tags = {entry.key: entry.value for entry in entries if isinstance(entry, Mark)}
        texts = {entry.path: entry.text for entry in entries if isinstance(entry, Text)}
        if points or tags:
            self._backend.log(self._place.run_id, points=points, tags=tags)
        if texts:
            self._backend.log_texts(self._place.run_id, texts)
        spans = [entry for entry in entries if isinstance(entry, Span)]
        if spans:
            self._backend.log_spans(self._place.experiment_id, self._place.trace_id, spans)
