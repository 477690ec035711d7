"""The three layers: defaults < user < Enhancer, bit for bit the same when composed again."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlestar.config import Composition, compose_layers, recomposed
from mlestar.enhancer.advise import enhancer_yaml
from mlestar.errors import ConfigError
from mlestar.records.strategy import Advice, Strategy


def composition(*words: str, config_dir: Path | None = None) -> Composition:
    return Composition(compose_layers(words, config_dir), words, config_dir)


def generated(**settings: object) -> str:
    return "settings:\n" + "".join(f"  {name}: {value}\n" for name, value in settings.items())


def user_folder(place: Path, **settings: object) -> Path:
    """A folder for --config-dir with user/me.yaml."""
    (place / "user").mkdir(parents=True)
    (place / "user" / "me.yaml").write_text("# @package _global_\n" + generated(**settings))
    return place


def test_each_layer_wins_over_the_one_before(tmp_path: Path) -> None:
    folder = user_folder(tmp_path, num_solutions=3, inner_loop_round=3, num_top_plans=3)
    words = ("user=me", "settings.inner_loop_round=4", "settings.num_top_plans=4")
    run = composition(*words, config_dir=folder).for_run(generated(num_top_plans=5))
    settings, layers = run.settings, run.layers
    assert (settings.num_solutions, settings.inner_loop_round, settings.num_top_plans) == (3, 4, 5)
    assert settings.num_model_candidates == 2
    assert [
        layers[name] for name in ("num_solutions", "inner_loop_round", "num_top_plans", "num_model_candidates")
    ] == [
        "user",
        "user",
        "enhancer",
        "defaults",
    ]


def test_a_setting_that_the_user_gave_its_default_is_still_the_users() -> None:
    assert composition("settings.num_solutions=2").for_run("").layers["num_solutions"] == "user"


def test_the_choice_of_a_group_is_the_users() -> None:
    run = composition("settings=paper").for_run("")
    assert (run.settings.num_model_candidates, run.layers["num_model_candidates"]) == (4, "user")
    assert run.layers["num_solutions"] == "defaults"


def test_the_users_configuration_stands_again_when_the_enhancer_takes_its_change_back() -> None:
    users = composition("settings.inner_loop_round=3")
    changed = users.for_run(generated(inner_loop_round=5))
    again = users.for_run(generated(outer_loop_round=2))
    assert (changed.settings.inner_loop_round, again.settings.inner_loop_round) == (5, 3)


def test_composing_the_three_layers_again_gives_the_same_text(tmp_path: Path) -> None:
    folder = user_folder(tmp_path, num_solutions=3, locked=["seed"])
    words = ("user=me", "task=wine", "settings.exec_timeout=30.5", "seed=7")
    layer = generated(outer_loop_round=2, use_data_usage_checker="'on'")
    first, second = (composition(*words, config_dir=folder).for_run(layer).composed_yaml for _ in range(2))
    assert first == second
    settings = recomposed(first, ()).app().settings
    assert (settings.num_solutions, settings.locked, settings.exec_timeout) == (3, ("seed",), 30.5)
    assert (settings.outer_loop_round, settings.use_data_usage_checker, settings.seed) == (2, "on", 7)


def test_the_enhancers_file_is_what_its_advice_says() -> None:
    strategy = Strategy.model_validate({"strategic_summary": "more", "config_overrides": {"num_solutions": 3}})
    run = composition().for_run(enhancer_yaml(Advice(asked="", applied=strategy)))
    assert (run.settings.num_solutions, run.layers["num_solutions"]) == (3, "enhancer")


@pytest.mark.parametrize("text", ["runs: 9\n", "settings: {num_solutions: 3}\nengineer: {kind: gemini}\n", "- 1\n"])
def test_the_enhancers_file_may_hold_settings_only(text: str) -> None:
    with pytest.raises(ConfigError, match="may hold the key settings only"):
        composition().for_run(text)


def test_a_value_out_of_range_in_the_enhancers_file_names_that_layer() -> None:
    with pytest.raises(ConfigError, match=r"settings\.num_solutions=9 \(the Enhancer's file\): .*allowed: 1-8"):
        composition("settings.num_solutions=3").for_run(generated(num_solutions=9))


def test_the_seed_of_a_study_seeds_its_settings() -> None:
    assert composition("seed=7").for_run("").settings.seed == 7
    assert composition("seed=7", "settings.seed=8").for_run("").settings.seed == 8


def test_a_recorded_run_is_configured_as_it_was_but_for_this_machine(tmp_path: Path) -> None:
    recorded = composition("settings.num_solutions=3", "workspace=elsewhere", "executor.slots=7").for_run("")
    here = recomposed(recorded.composed_yaml, (f"workspace={tmp_path}", "task=wine")).app()
    assert here.settings.num_solutions == 3
    assert (here.workspace, here.executor.model_dump()["slots"]) == (tmp_path, None)
    assert here.task.model_dump() == {"kind": "bundled", "name": "wine"}
