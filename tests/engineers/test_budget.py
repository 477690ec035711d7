"""The limits of a study hold whatever happens at the same time."""

from __future__ import annotations

import asyncio

import pytest

from mlestar.engineers.budget import Budget, BudgetedModel
from mlestar.engineers.model import CallFailed, Completion, Request, Turn
from mlestar.errors import BadAnswer, BudgetExhausted, ConfigError
from mlestar.events import Usage, metered

REQUEST = Request(question="Ask", group="review", instruction="", turns=(Turn(role="user", text="Hi"),), wants="text")
WORST = Usage(model="m", tokens_in=40, tokens_out=60, usd=1.0)
USED = Usage(model="m", tokens_in=10, tokens_out=10, usd=0.2)


class Steady:
    """A model that uses a fifth of its worst case; counts the calls at the same time."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.calls = 0
        self.now = 0
        self.most = 0

    async def complete(self, request: Request) -> Completion:
        self.calls += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.005)
        self.now -= 1
        if self.failure is not None:
            raise self.failure
        return Completion(text="yes", usage=USED)

    def worst_case(self, request: Request) -> Usage:
        return WORST


async def many(model: BudgetedModel) -> None:
    for _ in range(100):
        await model.complete(REQUEST)


async def test_calls_end_before_a_limit_can_be_passed() -> None:
    budget, model = Budget(max_tokens=250), Steady()
    budgeted = BudgetedModel(model, budget)
    with pytest.raises(BudgetExhausted, match=r"max_tokens=250: 160 used, the next call may use 100"):
        await many(budgeted)
    assert model.calls == 8
    assert budget.spent_tokens == 160


async def test_usd_are_limited_too() -> None:
    budgeted = BudgetedModel(Steady(), Budget(max_usd=1.5))
    with pytest.raises(BudgetExhausted, match=r"max_usd=1.5: 0.6000 used, the next call may use 1.0000"):
        await many(budgeted)


async def test_calls_at_the_same_time_wait_for_room_and_never_pass_the_limit_together() -> None:
    budget, model = Budget(max_tokens=300), Steady()
    budgeted = BudgetedModel(model, budget)
    results = await asyncio.gather(*(budgeted.complete(REQUEST) for _ in range(30)), return_exceptions=True)
    answered = [result for result in results if isinstance(result, Completion)]
    assert model.most <= 3
    assert len(answered) == 11  # at 220 used the next worst case would pass 300
    assert budget.spent_tokens == 220
    assert all(isinstance(result, Completion | BudgetExhausted) for result in results)


@pytest.mark.parametrize(
    "refusal", [CallFailed("503", again=True), BadAnswer("400"), ConfigError("401")], ids=lambda refusal: str(refusal)
)
async def test_a_refused_call_costs_nothing(refusal: Exception) -> None:
    budget = Budget(max_tokens=1000)
    with pytest.raises(type(refusal)):
        await BudgetedModel(Steady(refusal), budget).complete(REQUEST)
    assert budget.spent_tokens == 0


async def test_a_call_whose_answer_got_lost_counts_with_its_worst_case() -> None:
    budget = Budget(max_tokens=1000)
    with pytest.raises(CallFailed):
        await BudgetedModel(Steady(CallFailed("lost", again=True, maybe_charged=True)), budget).complete(REQUEST)
    assert budget.spent_tokens == 100


async def test_a_cancelled_call_counts_with_its_worst_case_and_gives_its_room_back() -> None:
    budget = Budget(max_tokens=220)
    budgeted = BudgetedModel(Steady(), budget)
    asked = asyncio.create_task(budgeted.complete(REQUEST))
    await asyncio.sleep(0.001)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert budget.spent_tokens == 100
    assert (await budgeted.complete(REQUEST)).text == "yes"


async def test_what_was_used_before_a_resume_counts() -> None:
    budget = Budget(max_tokens=250)
    budget.count(Usage(model="m", tokens_in=100, tokens_out=100))
    with pytest.raises(BudgetExhausted):
        await BudgetedModel(Steady(), budget).complete(REQUEST)


async def test_attempts_add_up_on_the_meter_of_the_question() -> None:
    failing, steady = Steady(CallFailed("503", again=True)), Steady()
    budget = Budget()
    with metered() as meter:
        with pytest.raises(CallFailed):
            await BudgetedModel(failing, budget).complete(REQUEST)
        await BudgetedModel(steady, budget).complete(REQUEST)
        await BudgetedModel(steady, budget).complete(REQUEST)
    assert meter.usage == Usage(model="m", tokens_in=20, tokens_out=20, usd=0.4, attempts=3)
