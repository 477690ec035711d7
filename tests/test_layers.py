"""The layers of the house: imports go down only, siblings never import each other, third parties have one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "mlestar"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("records", "tables"),
    ("events",),
    ("doors",),
    ("questions", "scoring", "tasks"),
    ("pipeline", "enhancer", "engineers", "playbook", "execution", "tracking", "tape", "progress"),
    ("recorder", "explain"),
    ("orchestrator", "choice"),
    ("config", "command_line"),
    ("sweep",),
    ("__main__", "history", "reproduce", "check"),
    ("__init__",),
)
"""Lowest first; a part may import parts of lower layers, and itself."""

HOMES: dict[str, tuple[str, ...]] = {
    "mlflow": ("tracking",),
    "hydra": ("config", "__main__"),
    "omegaconf": ("config", "__main__"),
    "google.genai": ("engineers/gemini",),
    "openai": ("engineers/openai",),
    "optuna": ("enhancer/bayes",),
    "ray": ("execution",),
    "subprocess": ("execution",),
    "multiprocessing": ("execution",),
    "sklearn": ("scoring", "tasks"),
    "scipy": ("scoring",),
    "lightgbm": (),
    "yaml": ("tasks", "config"),
}
"""Where a library may be imported; generated scripts are text and import what they need."""

FORKERS = ("execution",)
BANNED = ("pickle", "shelve", "joblib", "dill", "cloudpickle")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").as_posix()


def imports_of(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in the file, dotted names of `from` imports included."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rank_of(part: str) -> int:
    return next(rank for rank, parts in enumerate(LAYERS) if part in parts)


def part_of(path: Path) -> str:
    return name_of(path).split("/")[0]


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_module_imports_only_lower_layers(path: Path) -> None:
    part = part_of(path)
    for imported in imports_of(path):
        if not imported.startswith("mlestar."):
            continue
        other = imported.split(".")[1]
        if other != part:
            assert rank_of(other) < rank_of(part), f"{name_of(path)} imports {imported}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_third_party_is_imported_only_in_its_home(path: Path) -> None:
    for imported in imports_of(path):
        for library, homes in HOMES.items():
            if f"{imported}.".startswith(f"{library}."):
                allowed = any(name_of(path) == home or name_of(path).startswith(f"{home}/") for home in homes)
                assert allowed, f"{name_of(path)} imports {imported}; the home of {library} is {homes or 'nowhere'}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_processes_are_forked_only_where_scripts_are_executed(path: Path) -> None:
    forks = [
        node.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and (node.attr in ("fork", "forkpty", "system", "popen") or node.attr.startswith(("exec", "spawn", "posix_")))
    ]
    assert not forks or part_of(path) in FORKERS, f"{name_of(path)} uses os.{forks[0]}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_nothing_is_pickled(path: Path) -> None:
    assert not [name for name in imports_of(path) if name.split(".")[0] in BANNED]


def test_every_part_of_the_package_has_a_layer() -> None:
    known = {part for parts in LAYERS for part in parts}
    assert {part_of(path) for path in modules()} <= known
