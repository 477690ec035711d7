"""What holds over both wires, through the real clients."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from mlestar.doors import Question
from mlestar.engineers.budget import Budget
from mlestar.errors import BadAnswer, BudgetExhausted, ConfigError, EngineerUnavailable
from mlestar.events import metered
from mlestar.questions.initialization import SummarizeTask
from mlestar.questions.refinement import ChooseTarget, PlanBlock, ProposeVariations, WriteBlock
from mlestar.questions.review import FindLeakage
from tests.engineers.wires import ANSWERS, KEY, Opening, Prepared, service
from tests.prompts.specimens import ASSIGNMENT, BLOCK, SCRIPT, SPECIMENS

SUMMARIZE = SummarizeTask(assignment=ASSIGNMENT)
PLAN = PlanBlock(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, score=1.0)
WRITE = WriteBlock(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, focus="encoding", plan="Count.")
CHOOSE = ChooseTarget(assignment=ASSIGNMENT, script=SCRIPT, score=1.0, ablation_summary="All.", components=())

MENDED_BY_ASKING_AGAIN = (
    ("max_tokens", WRITE, 2),
    ("max_tokens_all_thinking", WRITE, 2),
    ("safety", WRITE, 2),
    ("recitation", WRITE, 2),
    ("malformed_function_call", WRITE, 2),
    ("other_without_text", WRITE, 2),
    ("empty_text", SUMMARIZE, 2),
    ("no_candidates", PLAN, 2),
    ("no_fence", WRITE, 2),
    ("two_fences", WRITE, 2),
    ("unclosed_fence", WRITE, 2),
    ("syntax_error", WRITE, 2),
    ("wrong_field", PLAN, 2),
    ("broken_json", PLAN, 2),
    ("misquoted_block", CHOOSE, 2),
)
NO_FAULT_AT_ALL = (
    ("other_with_text", WRITE, 1),
    pytest.param("unheard_of_finish", WRITE, 1, marks=pytest.mark.filterwarnings("ignore:SOMETHING_NEW")),
    ("many_parts", WRITE, 1),
    ("odd_parts", WRITE, 1),
    ("thinking_in_text", WRITE, 1),
    ("thinking_in_text", PLAN, 1),
)


@pytest.mark.parametrize(("fault", "question", "calls"), [*MENDED_BY_ASKING_AGAIN, *NO_FAULT_AT_ALL])
async def test_an_odd_answer_is_read_or_asked_for_again(
    opening: Opening, fault: str, question: Question[Any], calls: int
) -> None:
    with service() as fake, metered() as meter:
        fake.faults.append(fault)
        async with opening(fake.url) as engineer:
            answer = await engineer.ask(question)
    assert answer == ANSWERS[type(answer)]
    assert len(fake.seen) == calls
    assert meter.usage.attempts == calls


@pytest.mark.parametrize("fault", ["no_fence", "two_fences", "syntax_error", "safety", "max_tokens"])
async def test_a_model_that_never_answers_well_is_a_bad_answer_after_the_last_retry(
    opening: Opening, fault: str
) -> None:
    with service(chaos=(fault,), chaos_share=1.0) as fake:
        async with opening(fake.url) as engineer:
            with pytest.raises(BadAnswer, match="WriteBlock: "):
                await engineer.ask(WRITE)
    assert len(fake.seen) == 3  # max_retry is 2


async def test_the_fault_is_shown_to_the_model(opening: Opening) -> None:
    with service() as fake:
        fake.faults.extend(["two_fences", "syntax_error"])
        async with opening(fake.url) as engineer:
            await engineer.ask(WRITE)
    second, third = str(fake.seen[1].body), str(fake.seen[2].body)
    assert "2 fenced code blocks" in second
    assert "line 1: invalid syntax" in third
    assert "2 fenced code blocks" not in third


async def test_an_answer_that_was_cut_off_gets_more_room(opening: Opening) -> None:
    with service() as fake:
        fake.faults.extend(["max_tokens", "max_tokens"])
        async with opening(fake.url) as engineer:
            await engineer.ask(WRITE)
    limits = [_output_limit(seen.body) for seen in fake.seen]
    assert limits == [32768, 65536, 131072]


def _output_limit(body: dict[str, object]) -> object:
    settings = body.get("generationConfig")
    return settings["maxOutputTokens"] if isinstance(settings, dict) else body["max_completion_tokens"]


@pytest.mark.parametrize("fault", ["429", "500", "502", "503", "504", "dropped", "half_reply", "garbage"])
async def test_a_failure_that_passes_is_tried_again(opening: Opening, fault: str) -> None:
    with service() as fake, metered() as meter:
        fake.faults.append(fault)
        async with opening(fake.url, max_wait_seconds=20) as engineer:
            assert (await engineer.ask(SUMMARIZE)).text == "It is about flats."
    assert len(fake.seen) == 2
    assert meter.usage.attempts == 2


async def test_a_reply_that_does_not_come_is_tried_again(opening: Opening) -> None:
    with service() as fake:
        fake.faults.append("slow")
        async with opening(fake.url) as engineer:
            assert (await engineer.ask(SUMMARIZE)).text == "It is about flats."
    assert len(fake.seen) == 2


async def test_a_pause_the_service_asks_for_is_kept(opening: Opening) -> None:
    with service() as fake:
        fake.faults.append("429_retry_after")
        async with opening(fake.url) as engineer:
            await engineer.ask(SUMMARIZE)
    assert fake.seen[1].at - fake.seen[0].at >= 1.0


async def test_a_service_that_stays_down_is_unavailable_after_bounded_attempts(opening: Opening) -> None:
    with service(chaos=("503",), chaos_share=1.0) as fake:
        async with opening(fake.url, max_attempts=2) as engineer:
            with pytest.raises(EngineerUnavailable, match=r"503.*after 2 attempts"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 2


async def test_no_time_is_spent_on_a_pause_longer_than_patience(opening: Opening) -> None:
    with service() as fake:
        fake.faults.append("429_retry_after")
        async with opening(fake.url, max_wait_seconds=0.5) as engineer:
            with pytest.raises(EngineerUnavailable, match="429"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 1


async def test_a_service_that_is_not_there_is_unavailable(opening: Opening) -> None:
    with service() as fake:
        gone = fake.url
    async with opening(gone, max_attempts=1) as engineer:
        with pytest.raises(EngineerUnavailable, match="the connection failed"):
            await engineer.ask(SUMMARIZE)


@pytest.mark.parametrize("fault", ["401", "403", "404"])
async def test_what_the_user_has_to_mend_is_not_tried_again(opening: Opening, fault: str) -> None:
    with service() as fake:
        fake.faults.append(fault)
        async with opening(fake.url) as engineer:
            with pytest.raises(ConfigError, match=f"the service refuses tiny: {fault}"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 1


async def test_a_rejected_request_is_a_bad_answer_that_a_phase_survives(opening: Opening) -> None:
    with service() as fake:
        fake.faults.append("400")
        async with opening(fake.url) as engineer:
            with pytest.raises(BadAnswer, match="rejects the request"):
                await engineer.ask(SUMMARIZE)
    assert len(fake.seen) == 1


async def test_every_call_counts_tokens_and_usd(opening: Opening) -> None:
    with service() as fake, metered() as meter:
        fake.faults.append("two_fences")
        async with opening(fake.url) as engineer:
            await engineer.ask(WRITE)
    usage = meter.usage
    assert usage.model == "tiny"
    assert usage.tokens_in > 1000
    assert usage.usd == pytest.approx((usage.tokens_in * 1 + usage.tokens_out * 10) / 1e6)


async def test_a_model_without_a_price_counts_tokens_and_says_that_its_price_is_unknown(opening: Opening) -> None:
    with service() as fake, metered() as meter:
        async with opening(fake.url, prices={}) as engineer:
            await engineer.ask(SUMMARIZE)
    assert meter.usage.tokens_in > 0
    assert meter.usage.usd is None


async def test_nothing_is_asked_that_may_not_fit_into_the_budget(opening: Opening) -> None:
    with service() as fake:
        async with opening(fake.url, Budget(max_tokens=5_000)) as engineer:
            with pytest.raises(BudgetExhausted, match="max_tokens=5000"):
                await engineer.ask(SUMMARIZE)
    assert fake.seen == []


async def test_calls_at_the_same_time_are_bounded(opening: Opening) -> None:
    prepared = Prepared(seconds=0.05)
    with service(engineer=prepared) as fake:
        async with opening(fake.url, max_in_flight=2) as engineer:
            await asyncio.gather(*(engineer.ask(SUMMARIZE.model_copy(update={"sample": n})) for n in range(6)))
    assert prepared.most == 2


async def test_a_block_that_stands_nowhere_is_refused_in_every_answer_that_quotes_one(opening: Opening) -> None:
    questions: tuple[Question[Any], ...] = (
        CHOOSE,
        ProposeVariations(assignment=ASSIGNMENT, script=SCRIPT),
        FindLeakage(assignment=ASSIGNMENT, script=SCRIPT),
    )
    with service(chaos=("misquoted_block",), chaos_share=1.0) as fake:
        async with opening(fake.url) as engineer:
            for question in questions:
                with pytest.raises(BadAnswer, match="does not stand in the script"):
                    await engineer.ask(question)


async def test_every_question_can_be_asked_and_its_answer_read(opening: Opening) -> None:
    askable = [q for q in SPECIMENS if q.answer_type() in ANSWERS and q.misfit(ANSWERS[q.answer_type()]) is None]
    with service() as fake:
        async with opening(fake.url) as engineer:
            answers = await asyncio.gather(*(engineer.ask(question) for question in askable))
    assert len(answers) == len(askable) >= 15
    assert {type(question).__name__ for question in askable} == {seen.question for seen in fake.seen}


async def test_the_key_travels_in_the_header_alone(opening: Opening) -> None:
    with service() as fake, metered() as meter:
        async with opening(fake.url) as engineer:
            await engineer.ask(SUMMARIZE)
    [seen] = fake.seen
    assert seen.key == KEY
    assert KEY not in seen.path + str(seen.body) + meter.prompt + meter.answer
