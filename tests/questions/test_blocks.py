"""A block is replaced in exactly one place, or it is a malformed answer."""

from __future__ import annotations

import pytest

from mlestar.errors import BadAnswer
from mlestar.questions.blocks import block_fault, replace_block, replacement_fault, statements_fault

SCRIPT = "import os\n\nx = 1\nif x:\n    y = 2\nx = 1\nz = 3\n"


@pytest.mark.parametrize(
    ("block", "words"),
    [("", "empty"), ("  \n", "empty"), ("q = 9", "does not stand"), ("x = 1", "2 times")],
)
def test_a_block_that_is_not_there_exactly_once_is_refused(block: str, words: str) -> None:
    fault = block_fault(SCRIPT, block)
    assert fault is not None
    assert words in fault
    with pytest.raises(BadAnswer):
        replace_block(SCRIPT, block, "pass")


def test_an_indented_block_cannot_be_rewritten_on_its_own() -> None:
    assert "unindented" in (statements_fault(SCRIPT, "    y = 2") or "")


def test_a_part_of_a_line_cannot_be_rewritten() -> None:
    assert "whole lines" in (statements_fault(SCRIPT, "y = 2") or "")


def test_whole_statements_can_be_rewritten() -> None:
    assert statements_fault(SCRIPT, "if x:\n    y = 2\n") is None


def test_a_replacement_that_breaks_the_script_is_named_with_its_line() -> None:
    fault = replacement_fault(SCRIPT, "    y = 2", "y = 2")
    assert fault is not None
    assert "line 5" in fault


def test_a_replacement_with_backslashes_is_put_in_to_the_letter() -> None:
    assert r"z = '\1\n'" in replace_block(SCRIPT, "z = 3", r"z = '\1\n'")
