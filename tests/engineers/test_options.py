"""How a question is asked: the question's own tuning, its group's, what holds for all."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from mlestar.engineers.budget import Budget
from mlestar.engineers.hiring import check_prices, key_from
from mlestar.engineers.model import Request, Turn
from mlestar.engineers.options import GROUPS, LlmConfig, Tuning, question_names
from mlestar.engineers.prices import Price
from mlestar.engineers.waiting import retry_after_seconds
from mlestar.errors import ConfigError
from tests.prompts.specimens import SPECIMENS

CONFIG = LlmConfig(
    model="large",
    temperature=0.5,
    tuning={
        "review": Tuning(model="small", temperature=0.1),
        "RepairScript": Tuning(temperature=0.0, search=True),
    },
    prices={"large": Price(input_usd=2, output_usd=10), "*": Price(input_usd=1, output_usd=1, search_usd=0.5)},
)


def test_tuning_of_a_question_wins_over_its_group_and_that_over_the_rest() -> None:
    repair, leakage, plan = (
        CONFIG.options_for("RepairScript", "review"),
        CONFIG.options_for("FindLeakage", "review"),
        CONFIG.options_for("PlanBlock", "refinement"),
    )
    assert (repair.model, repair.temperature, repair.search) == ("small", 0.0, True)
    assert (leakage.model, leakage.temperature, leakage.search) == ("small", 0.1, False)
    assert (plan.model, plan.temperature, plan.max_output_tokens) == ("large", 0.5, 32768)


def test_every_question_and_its_group_can_be_tuned() -> None:
    assert set(question_names()) == {type(question).__name__ for question in SPECIMENS}
    assert {type(question).__module__.rpartition(".")[2] for question in SPECIMENS} == set(GROUPS)


def test_an_unknown_question_is_named_with_what_is_allowed() -> None:
    with pytest.raises(ValidationError, match=r"WriteScript is no question; allowed are .*WriteCandidate"):
        LlmConfig(model="m", tuning={"WriteScript": Tuning()})


@pytest.mark.parametrize("change", [{"temperature": 3}, {"max_in_flight": 0}, {"max_attempts": 0}, {"model": ""}])
def test_values_out_of_range_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LlmConfig.model_validate({"model": "m", **change})


def test_the_worst_case_is_every_byte_a_token_and_the_whole_output() -> None:
    request = Request(
        question="PlanBlock",
        group="refinement",
        instruction="é",
        turns=(Turn(role="user", text="abc"),),
        wants="text",
        room=2,
    )
    worst = CONFIG.worst_case(request)
    assert (worst.tokens_in, worst.tokens_out) == (5, 65536)
    assert worst.usd == pytest.approx((5 * 2 + 65536 * 10) / 1e6)


def test_searches_are_part_of_the_worst_case() -> None:
    request = Request(question="RepairScript", group="review", instruction="", turns=(), wants="code")
    worst = CONFIG.worst_case(request)
    assert worst.tokens_in == 50_000
    assert worst.usd is not None
    assert worst.usd > 8 * 0.5


def test_a_limit_in_usd_needs_the_prices_of_all_models() -> None:
    config = LlmConfig(model="a", tuning={"review": Tuning(model="b")}, prices={"a": Price(input_usd=1, output_usd=1)})
    with pytest.raises(ConfigError, match=r"settings\.max_usd cannot be kept: the price of b is unknown"):
        check_prices(config, Budget(max_usd=1))
    check_prices(config, Budget(max_tokens=1))


def test_a_missing_key_is_one_line_that_names_the_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_KEY", "  ")
    with pytest.raises(ConfigError, match="no key: set the environment variable ONE_KEY or OTHER_KEY"):
        key_from("ONE_KEY", "OTHER_KEY")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("", None), (None, None), ("soon", None)],
)
def test_a_pause_is_read_from_its_header(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header) == seconds


def test_a_pause_may_be_a_date_in_the_past() -> None:
    assert retry_after_seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0.0
