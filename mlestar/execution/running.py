"""Runs one script as `__main__` in the process it finds itself in, as `python script.py` would.

A fresh interpreter is given the text of this module, a forked worker calls it: both run scripts the same way.
It imports nothing but the standard library.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import os
import random
import sys
import threading
import types


def run_script(path: str, seed: int) -> int:
    """Run the script to its end, late threads and exit functions included; its exit code."""
    _seed_all(seed)
    sys.stdout = sys.__stdout__ = _stream(1)  # type: ignore[misc]
    sys.stderr = sys.__stderr__ = _stream(2)  # type: ignore[misc]
    main = types.ModuleType("__main__")
    main.__dict__.update(__file__=path, __builtins__=__builtins__, __cached__=None)
    sys.modules["__main__"] = main
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(path))  # noqa: PTH120
    code = _exit_code_of(main, path)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    return code


def _stream(fd: int) -> io.TextIOWrapper:
    """A new stream that hands on every line, so that a timeout loses none; a forked one remembers another file."""
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _exit_code_of(main: types.ModuleType, path: str) -> int:
    """Execute the module's body; what it does not catch is printed as the interpreter prints it."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            source = file.read()
        exec(compile(source, path, "exec"), main.__dict__)
    except SystemExit as stop:
        return _code_of(stop)
    except BaseException as error:  # noqa: BLE001  what a script raises is its outcome
        error = error.with_traceback(_without_this_file(error.__traceback__))
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def _code_of(stop: SystemExit) -> int:
    if stop.code is None:
        return 0
    if isinstance(stop.code, int):
        return stop.code & 0xFF
    sys.stderr.write(f"{stop.code}\n")
    return 1


def _without_this_file(trace: types.TracebackType | None) -> types.TracebackType | None:
    here = _exit_code_of.__code__.co_filename
    while trace is not None and trace.tb_frame.f_code.co_filename == here:
        trace = trace.tb_next
    return trace


def _seed_all(seed: int) -> None:
    """Seed what a careless script draws from."""
    random.seed(seed)
    with contextlib.suppress(ImportError):
        import numpy as np

        np.random.seed(seed % 2**32)
