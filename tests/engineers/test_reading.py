"""One reader for each type of answer: only what the form asks for is taken."""

from __future__ import annotations

import pytest

from mlestar.engineers.reading import Misfit, fenced_code, json_object, read
from mlestar.questions.enhancement import AdviseNextRun
from mlestar.questions.initialization import RetrieveModels, SummarizeTask
from mlestar.questions.refinement import PlanBlock, WriteBlock
from tests.prompts.specimens import ASSIGNMENT, BLOCK, METRIC, SCRIPT

SUMMARIZE = SummarizeTask(assignment=ASSIGNMENT)
PLAN = PlanBlock(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, score=1.0)
WRITE = WriteBlock(assignment=ASSIGNMENT, script=SCRIPT, block=BLOCK, focus="encoding", plan="Count.")
ADVISE = AdviseNextRun(digest="{}", metric=METRIC, adjustable=(), run_number=1, runs_left=1)


def test_prose_around_the_fence_is_no_code() -> None:
    answer = read(WRITE, "Sure! I use `mean`.\n\n```python\nvalue = 1\n```\nHope that helps: it = 2")
    assert answer.source == "value = 1\n"


@pytest.mark.parametrize("fence", ["```", "~~~", "````"])
@pytest.mark.parametrize("language", ["", "py", "Python"])
def test_every_kind_of_fence_is_read(fence: str, language: str) -> None:
    assert fenced_code(f"{fence}{language}\nx = 1\n{fence}") == "x = 1\n"


def test_a_longer_fence_may_hold_a_shorter_one() -> None:
    assert fenced_code('````python\nx = """\n```\n"""\n````') == 'x = """\n```\n"""\n'


def test_only_line_ends_end_a_line_of_code() -> None:
    assert fenced_code("```python\r\nx = 'a\x0cb\u2028c'\r\n```") == "x = 'a\x0cb\u2028c'\n"


def test_an_empty_code_block_is_a_misfit() -> None:
    with pytest.raises(Misfit, match="empty"):
        read(WRITE, "```python\n\n```")


def test_code_outside_a_fence_is_a_misfit() -> None:
    with pytest.raises(Misfit, match="0 fenced code blocks"):
        read(WRITE, "value = 1")


def test_a_block_that_breaks_the_script_is_a_misfit() -> None:
    broken = WRITE.model_copy(update={"script": "if True:\n    value = 1\nelse:\n    pass\n", "block": "    value = 1"})
    with pytest.raises(Misfit, match="does not compile"):
        read(broken, "```python\nvalue = 2\n```")


@pytest.mark.parametrize(
    "text",
    [
        '{"focus": "encoding", "plan": "Count."}',
        '```json\n{"focus": "encoding", "plan": "Count."}\n```',
        'My plan:\n{"focus": "encoding", "plan": "Count."}\nGood luck.',
        'Use {braces}.\n```\n{"focus": "encoding",\n "plan": "Count."}\n```\nDone.',
        '<think>{"focus": "bagging", "plan": "No."}</think>{"focus": "encoding", "plan": "Count."}',
    ],
)
def test_one_json_object_is_found_wherever_it_stands(text: str) -> None:
    assert read(PLAN, text).model_dump() == {"focus": "encoding", "plan": "Count."}


def test_a_line_break_inside_a_json_string_is_read() -> None:
    assert json_object('{"plan": "a\nb"}') == {"plan": "a\nb"}


def test_two_json_objects_are_a_misfit() -> None:
    with pytest.raises(Misfit, match="2 JSON objects"):
        json_object('Either {"a": 1} or {"b": 2}.')


def test_a_wrong_field_is_named() -> None:
    with pytest.raises(Misfit, match=r"focus: Field required.*idea: Extra inputs"):
        read(PLAN, '{"plan": "Count.", "idea": 1}')


def test_a_fault_deep_inside_is_named_with_its_path() -> None:
    question = RetrieveModels(assignment=ASSIGNMENT, summary="", count=1)
    with pytest.raises(Misfit, match=r"models\.0\.name"):
        read(question, '{"models": [{"description": "no name"}]}')


@pytest.mark.parametrize("text", ["", "   \n", "<think>only thoughts</think>"])
def test_nothing_said_is_a_misfit(text: str) -> None:
    with pytest.raises(Misfit, match="empty"):
        read(SUMMARIZE, text)


def test_text_is_taken_as_it_is() -> None:
    assert read(SUMMARIZE, "  It is about\n\nflats. ").text == "It is about\n\nflats."


def test_odd_advice_is_read_and_left_to_the_enhancer_to_judge() -> None:
    said = '{"strategic_summary": "s", "mood": "fine", "config_overrides": {"x": [1]}, "strategic_goals": ["?"]}'
    proposal = read(ADVISE, said)
    assert proposal.config_overrides == {"x": [1]}
    assert proposal.strategic_goals == ("?",)


def test_advice_without_any_known_key_is_a_misfit() -> None:
    with pytest.raises(Misfit, match="none of the keys strategic_summary"):
        read(ADVISE, '{"mood": "fine"}')
