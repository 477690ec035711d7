"""The arithmetic of the control experiment: signs follow the metric, intervals are of pairs, absent scores drop out."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


@pytest.fixture
def paired(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("paired")


def outcome(
    paired: ModuleType,
    arm: str,
    sealed: float | None,
    *,
    seed: int = 0,
    direction: str = "minimize",
    data: str = "wine",
) -> object:
    return paired.Outcome(
        data=data, seed=seed, arm=arm, validation=None, sealed=sealed, seconds=1, runs=1, direction=direction
    )


@pytest.mark.parametrize(("direction", "sign"), [("minimize", 1), ("maximize", -1)])
def test_a_lower_score_is_better_only_where_the_metric_says_so(paired: ModuleType, direction: str, sign: int) -> None:
    pair = [outcome(paired, "advised", 0.9, direction=direction), outcome(paired, "long", 1.1, direction=direction)]
    assert paired.differences(pair, "advised", "long") == {"wine": [pytest.approx(sign * 20.0)]}


def test_a_pair_without_both_scores_is_left_out(paired: ModuleType) -> None:
    pair = [outcome(paired, "advised", None), outcome(paired, "long", 1.1)]
    assert paired.differences(pair, "advised", "long") == {}


def test_only_equal_seeds_are_paired(paired: ModuleType) -> None:
    pair = [outcome(paired, "advised", 1.0, seed=1), outcome(paired, "long", 1.1, seed=2)]
    assert paired.differences(pair, "advised", "long") == {}


def test_the_interval_holds_the_mean_and_widens_with_the_spread(paired: ModuleType) -> None:
    middle, low, high = paired.interval({"a": [1.0, 1.1], "b": [0.9, 1.0]})
    assert middle == pytest.approx(1.0)
    assert low <= middle <= high
    _, wider_low, wider_high = paired.interval({"a": [5.0, -3.0], "b": [-2.0, 4.0]})
    assert wider_high - wider_low > high - low


def test_the_table_names_every_arm_and_pair(paired: ModuleType) -> None:
    table = paired.comparison_table([outcome(paired, arm, 1.0) for arm in paired.ARMS])
    assert "| advised over long | +0.00 | needs 6 pairs of 3 sets | 0 of 1, 1 level |" in table
    pairs = [
        outcome(paired, arm, score, seed=seed, data=data)
        for arm, score in (("advised", 0.9), ("long", 1.1))
        for seed in range(2)
        for data in ("wine", "beer", "tea")
    ]
    whole = paired.comparison_table(pairs)
    assert "| advised over long | +20.00 | +20.00 … +20.00 | 6 of 6 |" in whole
    assert "| beer | +20.00 |" in whole
    assert "+20.00 …" not in paired.comparison_table(pairs[::3]), "one data set tells too little"
    assert "| wine | 1 | 1 | 1 | 1 |" in table
