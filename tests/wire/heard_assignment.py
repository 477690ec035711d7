"""Reading the task and its conditions back out of a prompt."""

from __future__ import annotations

import re

from mlestar.records.task import Assignment, ColumnProfile

QUOTATION = re.compile(r"^<(([a-z_]+?)(?:_\d+)?)>\n(.*?)\n</\1>$", re.MULTILINE | re.DOTALL)
NEEDS = {"numbers on": "values", "class labels": "labels", "probabilities": "probabilities"}


def quotation_free(prompt: str) -> tuple[dict[str, list[str]], str]:
    """The quoted texts by tag, and the prompt without them."""
    data: dict[str, list[str]] = {}
    for _, tag, text in QUOTATION.findall(prompt):
        data.setdefault(tag, []).append(text)
    return data, QUOTATION.sub("", prompt)


def one(pattern: str, text: str) -> str:
    """The first group of the only reading; raises ValueError when the text has none."""
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"the prompt does not say {pattern!r}")
    return match[1]


def items(text: str, heading: str) -> tuple[str, ...]:
    """The items of the list below the line that begins with the heading."""
    below = re.search(rf"^{re.escape(heading)}.*\n((?:- .*\n)+)", text, re.MULTILINE)
    return tuple(line.removeprefix("- ") for line in below[1].splitlines()) if below else ()


def assignment_in(data: dict[str, list[str]], rest: str) -> Assignment:
    """The assignment that the prompt shows."""
    return Assignment.model_validate(
        {
            "description": data["task_description"][0],
            "kind": one(r"- Kind: (\w+);", rest),
            "target": one(r"the target is the column `(.*)`\.", rest),
            "metric": _metric(rest),
            "submission": _submission(rest),
            "profile": _profile(data, rest),
            "scoring": "reported" if "Final Validation Performance: <number>` from" in rest else _scoring(rest),
            "script_seconds": one(r"- It may take (\S+) seconds", rest),
            "final_seconds": told[1]
            if (told := re.search(r"the same file may take about (\S+) seconds", rest))
            else None,
            "threads": one(r"- It may use (\d+) threads? of a CPU", rest),
            "libraries": one(r"the Python standard library: (.*)\.\n", rest).split(", "),
            "seed": one(r"- Everything random is seeded with (\d+);", rest),
        }
    )


def _scoring(rest: str) -> str:
    return "graded" if "- It is graded by that file alone" in rest else "reported"


def _metric(rest: str) -> dict[str, object]:
    own = re.search(r"own function `(.*)`\.", rest)
    said = one(r"- Predictions are (numbers on|class labels|probabilities)", rest)
    return {
        "name": one(r"- Metric: (.*?), (?:lower|higher) is better", rest),
        "direction": "minimize" if one(r"- Metric: .*?, (lower|higher) is", rest) == "lower" else "maximize",
        "needs": NEEDS[said],
        "function_path": own[1] if own else None,
    }


def _submission(rest: str) -> dict[str, object]:
    with_id = re.search(r"- submission\.csv has the column `(.*?)`, copied .*? followed by (.*)\.\n", rest)
    columns = with_id[2] if with_id else one(r"no id column; its columns are (.*), its rows are", rest)
    classes = re.search(r"- Classes in their order: (.*?)(?:; the column holds.*)?\.\n", rest)
    return {
        "id_column": with_id[1] if with_id else None,
        "columns": _quoted(columns),
        "classes": _quoted(classes[1]) if classes else (),
    }


def _profile(data: dict[str, list[str]], rest: str) -> dict[str, object]:
    table = re.search(r"^\|---.*\n((?:\|.*\n)+)", rest, re.MULTILINE)
    rows = [_column(row) for row in table[1].splitlines()] if table else []
    sizes = re.search(r"train\.csv has (\d+) rows, test\.csv (\d+)\.(?: Beside them in \./input/: (.*)\.)?", rest)
    left_out = re.search(r"(\d+) more columns are not shown", rest)
    shares = re.search(r"Shares of the classes: (.*)\.\n", rest)
    return {
        "train_rows": sizes[1] if sizes else None,
        "test_rows": sizes[2] if sizes else None,
        "columns": rows[:-1],
        "target": rows[-1],
        "class_shares": shares[1].split(", ") if shares else (),
        "sample_rows": data.get("data_sample", [""])[0],
        "other_files": _quoted(sizes[3]) if sizes and sizes[3] else (),
        "columns_left_out": left_out[1] if left_out else 0,
    }


def _column(row: str) -> ColumnProfile:
    cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
    name, kind, missing, distinct, extent, words, examples = cells
    span = re.match(r"(\S+) to ([^,\s]+)(?:, mean ([^,\s]+))?(?:, skewness (\S+))?", extent)
    low, high, mean, skewness = span.groups() if span else (None, None, None, None)
    return ColumnProfile.model_validate(
        {
            "name": name,
            "kind": kind,
            "missing_share": float(missing.rstrip("%")) / 100 if missing else 0.0,
            "unique_count": distinct,
            "examples": examples.split(", ") if examples else (),
            "minimum": low,
            "maximum": high,
            "mean": mean,
            "skewness": skewness,
            "mean_words": words or None,
        }
    )


def _quoted(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"`([^`]*)`", text))
