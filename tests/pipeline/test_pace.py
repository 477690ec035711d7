"""How the time of a run is shared."""

from __future__ import annotations

import pytest

from mlestar.pipeline.pace import Pace, first_scripts
from mlestar.records.settings import Settings
from tests.doubles import ToyClock


def test_a_budget_too_short_for_all_first_scripts_gets_fewer_of_them() -> None:
    usual = Settings(num_solutions=2, num_model_candidates=2, computational_budget=60)
    assert first_scripts(usual, views=5, slots=2) == (2, 2)
    assert first_scripts(usual.model_copy(update={"computational_budget": 30}), views=5, slots=2) == (2, 1)
    assert first_scripts(usual.model_copy(update={"computational_budget": 10}), views=5, slots=1) == (1, 1)


def test_a_short_run_keeps_more_of_its_time_for_an_ensemble() -> None:
    def kept(budget: float, rounds: int = 1) -> float:
        """Share of a run of three views that the phases before the ensemble leave."""
        settings = Settings(computational_budget=budget, ensemble_loop_round=rounds)
        return Pace(ToyClock(seconds=budget), settings, 3).reserve_seconds(0.1, "initialization") / budget

    assert kept(1000) == pytest.approx(0.5)
    assert kept(60) == pytest.approx(0.65), "three views of ten seconds"
    assert kept(20) == pytest.approx(0.7)
    assert kept(20, rounds=0) == pytest.approx(0.15)


def test_ensembles_share_what_is_left_with_the_submission() -> None:
    settings = Settings(computational_budget=1000, exec_timeout=80_000)
    graded, final = Pace(ToyClock(seconds=1000), settings, 2).ensemble_seconds()
    assert 0.75 * 1000 < 2 * graded + final < 1000
    assert final == pytest.approx(1.5 * graded, abs=0.1), "all of train has more rows"
    rounds = settings.model_copy(update={"ensemble_loop_round": 2})
    short = Pace(ToyClock(seconds=30), settings, 3).ensemble_seconds()
    assert Pace(ToyClock(seconds=30), rounds, 3).ensemble_seconds() == short, "no time for two rounds"
    assert Pace(ToyClock(seconds=1000), rounds, 2).ensemble_seconds()[0] < graded
    later_graded, later_final = Pace(ToyClock(seconds=500), settings, 2).ensemble_seconds()
    assert (later_graded, later_final) == pytest.approx((graded / 2, final / 2), abs=0.1)
