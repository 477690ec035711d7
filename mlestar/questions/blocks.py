"""Putting a new block into a script: exactly one place, or it is a malformed answer."""

from __future__ import annotations

import ast

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


def statements_fault(script: str, block: str) -> str | None:
    """Why the block cannot be rewritten on its own; None when it is whole top-level statements, found exactly once."""
    fault = block_fault(script, block)
    if fault is not None:
        return fault
    wanted = block.strip("\n")
    if f"\n{wanted}\n" not in f"\n{script}\n":
        return "the block does not begin and end with whole lines of the script"
    if syntax_fault(wanted) is not None:
        return "the block is not a sequence of whole, unindented statements; take the whole statement around it"
    return None


def replacement_fault(script: str, block: str, replacement: str) -> str | None:
    """Why the script no longer compiles once the block is replaced; None when it does, or has no such block."""
    if block_fault(script, block) is not None:
        return None
    fault = syntax_fault(replace_block(script, block, replacement))
    return None if fault is None else f"with the new block in place the script does not compile: {fault}"


def syntax_fault(source: str) -> str | None:
    """The line and the message of the first syntax error; None when the source compiles."""
    try:
        ast.parse(source)
    except (SyntaxError, ValueError) as error:
        return f"line {error.lineno}: {error.msg}" if isinstance(error, SyntaxError) else str(error)
    return None
