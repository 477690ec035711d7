from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlestar.tasks.profile import column_kind, profile_column, profile_tables

WORDS = ["a small red house by the sea", "two rooms with a garden behind", "old mill near the river bank"]


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("x", [1.5, 2.5, 3.5], "numeric"),
        ("x", [1, 2, 3], "numeric"),
        ("Id", [1, 2, 3], "identifier"),
        ("passengerId", [7, 8, 9], "identifier"),
        ("valid", [1, 2, 3], "numeric"),
        ("x", [True, False, True], "boolean"),
        ("x", [0, 1, 0], "boolean"),
        ("x", ["a", "b", "a"], "categorical"),
        ("x", [None, None, None], "constant"),
        ("x", [5, 5, 5], "constant"),
        ("x", ["2020-01-01", "2021-02-03", "2020-01-01"], "date"),
        ("x", ["2020-01-01 10:00:00", "2021-02-03 11:30:00", None], "date"),
        ("x", ["01/02/2020", "03/02/2020", "01/02/2020"], "date"),
        ("x", ["2020-01-01T10:00:00+02:00", "2021-02-03", "2020-01-05T10:00:00+03:00"], "date"),
        ("x", WORDS, "text"),
        ("x", ["a1b", "c2d", "e3f"], "identifier"),
        ("x", [f"a{place}b" for place in (*range(99), 5)], "identifier"),
        ("x", [f"a{place}b" for place in (*range(60), *range(40))], "categorical"),
        ("x", [f"Ann {place} Lee" for place in (*range(60), *range(40))], "text"),
        ("x", [f"level {place}" for place in (*range(40), *range(40), *range(20))], "categorical"),
    ],
)
def test_the_kind_of_a_column(name: str, values: list[object], kind: str) -> None:
    assert column_kind(pd.Series(values, name=name)) == kind


def test_a_numeric_column_has_moments_and_examples() -> None:
    profile = profile_column(pd.Series([1.0, 2.0, np.nan, 9.0], name="x"))
    assert (profile.minimum, profile.maximum, profile.mean, profile.missing_share) == (1.0, 9.0, 4.0, 0.25)
    assert profile.examples == ("1.0", "2.0", "9.0")


def test_a_text_column_counts_words() -> None:
    assert profile_column(pd.Series(WORDS, name="x")).mean_words == pytest.approx(19 / 3)


def test_moments_that_are_not_finite_are_absent() -> None:
    profile = profile_column(pd.Series([1.0, np.inf, 2.0], name="x"))
    assert (profile.minimum, profile.maximum, profile.mean) == (1.0, None, None)


def test_a_wide_table_is_cut_and_said() -> None:
    wide = pd.DataFrame(np.arange(1500).reshape(3, 500), columns=[f"c{n}" for n in range(500)])
    profile = profile_tables(wide.astype(str), 3, "c0", (), ())
    assert (len(profile.columns), profile.columns_left_out) == (200, 299)
    assert len(profile.model_dump_json()) < 100_000


def test_long_cells_are_cut() -> None:
    table = pd.DataFrame({"x": ["word " * 5000, "b", "c"], "y": [1, 2, 3]})
    profile = profile_tables(table.astype(str), 3, "y", (), ())
    assert len(profile.model_dump_json()) < 6_000
