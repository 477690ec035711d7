"""Digest, playbook rule and validation in a loop over a simulated world where some foci pay and others never do."""

from __future__ import annotations

import pytest

from mlestar.enhancer.advise import EngineerEnhancer, EngineerEnhancerConfig
from mlestar.enhancer.situation import Situation
from mlestar.playbook.book import Playbook
from mlestar.records.run import AttemptSummary, Cost, History, PhaseSummary, RunSummary
from mlestar.records.settings import Settings
from mlestar.records.strategy import Advice, Strategy
from tests.enhancer.histories import RMSE, attempt, run

GAINS = {"bagging": 0.02, "hyperparameter_tuning": 0.01}
FAILURES = 0.3


def simulated(number: int, user: Settings, strategy: Strategy | None, start: float) -> RunSummary:
    """Every attempt takes a goal in turn; only two foci pay, and less from run to run; a third of scripts fail."""
    settings = Settings.model_validate({**user.model_dump(), **(strategy.config_overrides if strategy else {})})
    foci = [goal.focus for goal in strategy.goals_for("refinement")] if strategy else ["encoding"]
    count = settings.outer_loop_round * settings.inner_loop_round * settings.num_solutions
    attempts: list[AttemptSummary] = []
    score = start
    for k in range(count):
        focus = foci[k % len(foci)]
        gain = GAINS.get(focus, -0.01) / (1 + number)
        attempts.append(attempt(focus, gain, seconds=5))
        score -= max(gain, 0.0)
    seconds = {"initialization": 10.0 * settings.num_model_candidates, "refinement": 8.0 * count, "submission": 3.0}
    phases = tuple(
        PhaseSummary.model_validate(
            {"phase": name, "best_score": start if name == "initialization" else score, "seconds": spent}
            | {"executions": 10, "failures": int(10 * FAILURES)}
        )
        for name, spent in seconds.items()
    )
    return run(
        number,
        score,
        settings=settings,
        strategy=strategy,
        attempts=tuple(attempts),
        phases=phases,
        seconds=sum(seconds.values()),
        cost=Cost(executions=30, failures=int(30 * FAILURES)),
    )


async def advised_runs(count: int, user: Settings) -> tuple[list[RunSummary], list[Advice]]:
    enhancer = EngineerEnhancer(EngineerEnhancerConfig(), Playbook())
    runs, heard = [simulated(0, user, None, 0.5)], []
    for number in range(1, count):
        advice = await enhancer.advise(
            Situation(
                history=History(runs=tuple(runs)),
                metric=RMSE,
                task="california",
                settings=user,
                run_number=number,
                runs_left=count - number - 1,
            )
        )
        heard.append(advice)
        runs.append(simulated(number, user, advice.applied, runs[-1].score or 0.0))
    return runs, heard


@pytest.fixture
async def study() -> tuple[list[RunSummary], list[Advice]]:
    return await advised_runs(8, Settings(computational_budget=200))


async def test_what_the_playbook_proposes_never_needs_a_repair(study: tuple[list[RunSummary], list[Advice]]) -> None:
    assert [advice.repairs for advice in study[1]] == [()] * 7


async def test_after_nothing_but_failures_there_is_still_advice() -> None:
    failed = run(0, None, status="failed", phases=(), errors=("ValueError: no",), cost=Cost(executions=9, failures=9))
    at = Situation(history=History(runs=(failed,)), metric=RMSE, settings=Settings(), run_number=1)
    advice = await EngineerEnhancer(EngineerEnhancerConfig(), Playbook()).advise(at)
    assert advice.repairs == ()
    assert advice.applied.config_overrides["max_debug_round"] == 4


async def test_the_foci_that_pay_are_found_and_kept(study: tuple[list[RunSummary], list[Advice]]) -> None:
    last = [goal.focus for goal in study[1][-1].applied.goals_for("refinement")]
    assert set(GAINS) <= set(last[:3])


async def test_what_never_paid_comes_after_what_did(study: tuple[list[RunSummary], list[Advice]]) -> None:
    first = [goal.focus for advice in study[1][-3:] for goal in advice.applied.goals_for("refinement")[:2]]
    assert set(first) == set(GAINS)


async def test_more_rounds_go_to_what_pays_and_the_budget_is_kept(study: tuple[list[RunSummary], list[Advice]]) -> None:
    runs = study[0]
    assert runs[-1].settings.outer_loop_round * runs[-1].settings.inner_loop_round > 1
    assert max(ended.seconds for ended in runs) <= 200


async def test_repairs_are_raised_while_scripts_fail_but_not_without_end(
    study: tuple[list[RunSummary], list[Advice]],
) -> None:
    assert study[0][-1].settings.max_debug_round == 6


async def test_advised_runs_beat_the_same_runs_without_advice(study: tuple[list[RunSummary], list[Advice]]) -> None:
    user = Settings(computational_budget=200)
    score = 0.5
    for number in range(8):
        score = simulated(number, user, None, score).score or 0.0
    assert (study[0][-1].score or 1.0) < score
