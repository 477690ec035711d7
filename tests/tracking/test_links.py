"""Where to look."""

from __future__ import annotations

from urllib.parse import unquote

from mlestar.tracking.links import look_at


def test_a_server_is_linked_to_and_a_file_needs_a_command() -> None:
    served = look_at("http://host:5000/", "7", "abc", "minimize")
    assert served.command is None
    assert served.study.startswith("http://host:5000/#/experiments/7/runs/abc")
    local = look_at("sqlite:///mlflow.db", "7", "abc", "minimize")
    assert local.command is not None
    assert "--backend-store-uri sqlite:///mlflow.db" in local.command


def test_the_charts_are_of_the_study_alone_best_first() -> None:
    address = unquote(look_at("http://h", "7", "abc", "maximize").runs)
    assert 'searchFilter=tags.study = "abc"' in address
    assert "orderByKey=metrics.`best_score`&orderByAsc=false" in address


def test_a_password_is_never_shown() -> None:
    look = look_at("postgresql+psycopg://me:secret@db/x", "7", "abc", "minimize")
    assert "secret" not in look.model_dump_json()
    assert look.command is not None
    assert "me:***@db/x" in look.command
