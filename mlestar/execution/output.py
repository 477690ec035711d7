"""Keeps the first and the last part of a stream, so that no flood of output fills anything."""

from __future__ import annotations

from collections import deque


class Capture:
    """The beginning and the end of what was written, each of at most `keep_bytes`."""

    def __init__(self, keep_bytes: int) -> None:
        self._keep = keep_bytes
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.total_bytes = 0

    def add(self, chunk: bytes) -> None:
        """Take in what was read."""
        self.total_bytes += len(chunk)
        room = self._keep - len(self._head)
        if room > 0:
            self._head += chunk[:room]
            chunk = chunk[room:]
        if not chunk:
            return
        self._tail.append(chunk)
        self._tail_bytes += len(chunk)
        while self._tail_bytes - len(self._tail[0]) >= self._keep:
            self._tail_bytes -= len(self._tail.popleft())

    def text(self) -> str:
        """What was kept; a line in between says how many bytes were left out."""
        tail = b"".join(self._tail)[-self._keep :]
        left_out = self.total_bytes - len(self._head) - len(tail)
        gap = f"\n[… {left_out} bytes left out …]\n".encode() if left_out else b""
        return (bytes(self._head) + gap + tail).decode("utf-8", "replace").replace("\x00", "\ufffd")
