"""Putting a new block into a script: exactly one place, or it is a malformed answer."""

from __future__ import annotations

from mlestar.errors import BadAnswer


def block_fault(script: str, block: str) -> str | None:
    """Why the block cannot be replaced in the script; None when it stands there exactly once."""
    wanted = block.strip("\n")
    if not wanted.strip():
        return "the block is empty"
    found = script.count(wanted)
    if found == 0:
        return "the block does not stand in the script; copy it to the letter"
    if found > 1:
        return f"the block stands in the script {found} times; give more lines so that it stands there once"
    return None


def replace_block(script: str, block: str, replacement: str) -> str:
    """The script with the block replaced; raises BadAnswer unless the block stands in it exactly once."""
    fault = block_fault(script, block)
    if fault is not None:
        raise BadAnswer(fault)
    return script.replace(block.strip("\n"), replacement.strip("\n"))
