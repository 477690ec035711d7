"""Finds the metric that a task description names, in the words people use for metrics."""

from __future__ import annotations

import re

from mlestar.records.base import Record

# Longest phrases first: "root mean squared error" must not be read out of "... between the logarithm of ...".
_LOG = r"(?:natural\s+)?log(?:arithm)?s?\b"
_PHRASES: tuple[tuple[str, str], ...] = (
    ("rmsle", rf"root[\s-]+mean[\s-]+squared?[\s-]+(?:error|deviation)[^.;\n]{{0,60}}\b{_LOG}"),
    ("rmsle", r"root[\s-]+mean[\s-]+squared?[\s-]+log(?:arithmic)?[\s-]+error|\brmsle\b|\brmse\s+of\s+(?:the\s+)?log"),
    ("msle", r"mean[\s-]+squared?[\s-]+log(?:arithmic)?[\s-]+error|\bmsle\b"),
    ("rmse", r"root[\s-]+mean[\s-]+squared?[\s-]+(?:error|deviation)|\brmse\b"),
    ("mse", r"mean[\s-]+squared?[\s-]+error|\bmse\b"),
    ("smape", r"symmetric[\s-]+mean[\s-]+absolute[\s-]+percentage[\s-]+error|\bsmape\b"),
    ("mape", r"mean[\s-]+absolute[\s-]+percentage[\s-]+error|\bmape\b"),
    ("medae", r"median[\s-]+absolute[\s-]+error|\bmedae\b"),
    ("mae", r"mean[\s-]+absolute[\s-]+(?:error|deviation)|\bmae\b"),
    ("r2", r"\br\s?(?:\^2|²|2)(?:[\s-]+score)?(?!\w)|\br[\s-]squared\b|coefficient\s+of\s+determination"),
    ("spearman", r"spearman"),
    ("pearson", r"pearson"),
    ("pr_auc", r"\bpr[\s_-]*auc\b|\bauc[\s_-]*pr\b|\bauprc\b|average[\s-]+precision|area\s+under\s+the\s+precision"),
    ("gini", r"normali[sz]ed\s+gini|gini\s+coefficient"),
    ("roc_auc", r"\broc\b|\bauroc\b|\bauc\b|area\s+under\s+the\s+(?:receiver|curve)|receiver\s+operating"),
    ("log_loss", r"log[\s_-]*loss|logarithmic\s+loss|cross[\s-]+entropy|negative\s+log[\s-]+likelihood"),
    ("brier", r"\bbrier\b"),
    ("quadratic_kappa", r"quadratic(?:ally)?[\s-]+weighted[\s-]+(?:cohen'?s\s+)?kappa|\bqwk\b|quadratic[\s-]+kappa"),
    ("kappa", r"cohen'?s[\s-]+kappa"),
    ("mcc", r"matthews|\bmcc\b"),
    (
        "f1_macro",
        r"macro[\s-]+(?:averaged?[\s-]+)?f1|f1[\s_-]+macro|\bf1[^.\n]{0,30}\bmacro|mean\s+f1\s+over\s+(?:the\s+)?class",
    ),
    ("f1_micro", r"micro[\s-]+(?:averaged?[\s-]+)?f1|f1[\s_-]+micro|\bf1[^.\n]{0,30}\bmicro"),
    ("f1_weighted", r"weighted[\s-]+(?:averaged?[\s-]+)?f1|f1[\s_-]+weighted|\bf1[^.\n]{0,30}\bweighted"),
    ("f1", r"\bf1\b|\bf[\s_-]?1[\s-]+(?:score|measure)"),
    ("balanced_accuracy", r"balanced[\s-]+(?:classification[\s-]+)?accuracy"),
    ("accuracy", r"\baccuracy\b|percentage\s+of\s+correct|fraction\s+of\s+correct|correctly\s+classified"),
)
_SPEAKS_OF_SCORING = re.compile(r"metric|evaluat|scor(?:ed|ing)|judged|graded|measured\s+by|leaderboard", re.IGNORECASE)
_HEADING = re.compile(r"^\s*#+\s")


class Mention(Record):
    """A metric that a text names, and the words it uses."""

    name: str
    """A name of `records.metrics.METRICS`, or `f1` when the text does not say which F1."""
    words: str


def metrics_mentioned(description: str) -> tuple[Mention, ...]:
    """The metrics that the description names, each once, in order; only those where it speaks of scoring if any are."""
    return _mentions(_scoring_parts(description)) or _mentions(description)


def _mentions(text: str) -> tuple[Mention, ...]:
    found: dict[str, tuple[int, str]] = {}
    rest = text
    for name, phrase in _PHRASES:
        for match in re.finditer(phrase, rest, re.IGNORECASE):
            start, words = match.start(), " ".join(match.group().split())
            if name not in found or start < found[name][0]:
                found[name] = (start, words)
        rest = re.sub(phrase, lambda match: " " * len(match.group()), rest, flags=re.IGNORECASE)
    ordered = sorted(found.items(), key=lambda item: item[1][0])
    return tuple(Mention(name=name, words=words) for name, (_, words) in ordered)


def _scoring_parts(description: str) -> str:
    """The paragraphs that speak of scoring, and what stands under headings that do."""
    kept: list[str] = []
    under_heading = False
    for paragraph in re.split(r"\n\s*\n|(?=^\s*#+\s)", description, flags=re.MULTILINE):
        speaks = bool(_SPEAKS_OF_SCORING.search(paragraph))
        if _HEADING.match(paragraph):
            under_heading = bool(_SPEAKS_OF_SCORING.search(paragraph.strip().splitlines()[0]))
        if speaks or under_heading:
            kept.append(paragraph)
    return "\n\n".join(kept)
