"""Output is cut while it is read."""

from __future__ import annotations

import tracemalloc

from mlestar.execution.output import Capture


def test_little_output_is_kept_as_it_is() -> None:
    capture = Capture(10)
    capture.add(b"one ")
    capture.add("zwölf".encode())
    assert capture.text() == "one zwölf"


def test_what_fits_exactly_is_not_called_cut() -> None:
    capture = Capture(4)
    capture.add(b"12345678")
    assert capture.text() == "12345678"


def test_the_beginning_and_the_end_of_much_output_are_kept() -> None:
    capture = Capture(4)
    for digit in b"0123456789":
        capture.add(bytes([digit]))
    assert capture.text() == "0123\n[… 2 bytes left out …]\n6789"


def test_a_flood_takes_no_memory() -> None:
    capture = Capture(1000)
    chunk = b"x" * 65536
    tracemalloc.start()
    for _ in range(1000):
        capture.add(chunk)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert capture.total_bytes == 65_536_000


def test_what_is_no_text_can_be_written_down() -> None:
    capture = Capture(10)
    capture.add(b"a\x00\xff")
    assert capture.text() == "a\ufffd\ufffd"
    capture.text().encode()
