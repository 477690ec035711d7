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
    (
        "roc_auc",
        r"\broc[\s_-]*auc\b|\bauroc\b|\bauc\b|\broc\b|area\s+under\s+the\s+(?:receiver|curve)|receiver\s+operating",
    ),
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
_VARIANT = re.compile(
    r"\b(?:weighted|partial|top[\s-]?\d+|column[\s-]?wise|normali[sz]ed|modified|scaled|mean)[\s,-]+(?:class[\s-]+)?$",
    re.IGNORECASE,
)
_MEAN_IS_PLAIN = re.compile(r"mean[\s,-]+$", re.IGNORECASE)
_HEADING = re.compile(r"^\s*#+\s")


class Mention(Record):
    """A metric that a text names, and the words it uses."""

    name: str
    """A name of `records.metrics.METRICS`, or `f1` when the text does not say which F1."""
    words: str
    variant: bool = False
    """The text qualifies it (`weighted ...`, `mean average precision`), so it is another metric than the known one."""


def metrics_mentioned(description: str) -> tuple[Mention, ...]:
    """The metrics that the description names, each once, in order; only those where it speaks of scoring if any are."""
    return _mentions(_scoring_parts(description)) or _mentions(description)


def _mentions(text: str) -> tuple[Mention, ...]:
    found: list[tuple[int, Mention]] = []
    rest = text
    for name, phrase in _PHRASES:
        for match in re.finditer(phrase, rest, re.IGNORECASE):
            found.append((match.start(), _mention(name, text, match.start(), match.end())))
        rest = re.sub(phrase, lambda match: " " * len(match.group()), rest, flags=re.IGNORECASE)
    first: dict[str, Mention] = {}
    for _, mention in sorted(found, key=lambda item: item[0]):
        first.setdefault(mention.name, mention)
    return tuple(first.values())


def _mention(name: str, text: str, start: int, end: int) -> Mention:
    """A mention with the word before it, when that makes it another metric."""
    before = _VARIANT.search(text[max(0, start - 40) : start])
    if before is not None and _MEAN_IS_PLAIN.fullmatch(before.group()) and name != "pr_auc":
        before = None
    begin = start if before is None else start - len(before.group())
    return Mention(name=name, words=" ".join(text[begin:end].split()), variant=before is not None)


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
