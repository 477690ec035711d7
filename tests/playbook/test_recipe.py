from __future__ import annotations

import pytest

from mlestar.errors import BadAnswer
from mlestar.playbook.families import FAMILIES
from mlestar.playbook.initialization import first_recipe
from mlestar.playbook.recipe import SECTIONS, parse, recipe_of, sections_of
from mlestar.playbook.render import render
from tests.playbook.tables import assignment


def test_a_script_is_read_back_as_the_recipe_it_was_made_from() -> None:
    recipe = first_recipe(assignment(), FAMILIES["lightgbm"])
    assert parse(render(recipe)) == recipe


def test_headers_longer_than_a_line_are_read_back() -> None:
    recipe = first_recipe(assignment(), FAMILIES["lightgbm"])
    names = tuple(f'column  {number} {{of "many"}}' for number in range(40))
    recipe = recipe.model_copy(update={"data": recipe.data.model_copy(update={"drop": names})})
    assert parse(render(recipe)) == recipe


def test_every_section_stands_in_the_script_exactly_once() -> None:
    script = render(first_recipe(assignment(), FAMILIES["lightgbm"]))
    sections = sections_of(script)
    assert list(sections) == [name for name in SECTIONS if name in sections]
    assert [script.count(text) for text in sections.values()] == [1] * len(sections)


def test_a_foreign_script_has_no_recipe() -> None:
    with pytest.raises(BadAnswer, match="recipe headers"):
        recipe_of("print('hello')\n")
