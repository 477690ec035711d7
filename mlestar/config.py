"""Composes the three layers and checks the result: defaults in conf/ < the user < the Enhancer's generated file.

Hydra composes, pydantic validates; there is one schema. A wrong key or value is one line that names the key, the
layer it came from and what is allowed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from mlestar.choice import EngineerConfig
from mlestar.enhancer.choice import EnhancerConfig
from mlestar.errors import ConfigError
from mlestar.execution.factory import ExecutorConfig
from mlestar.recorder import RunConfiguration
from mlestar.records.base import Record, digest_of
from mlestar.records.run import Layer
from mlestar.records.settings import Settings, bounds_of
from mlestar.tasks.source import TaskConfig
from mlestar.tracking.store import StoreConfig

CONF = Path(__file__).resolve().parent / "conf"
"""The defaults; a link to conf/ beside the package, files of the package once it is installed."""


class AppConfig(Record):
    """The whole configuration; one field for each group of conf/ and the few top-level keys."""

    task: TaskConfig
    settings: Settings
    engineer: EngineerConfig
    enhancer: EnhancerConfig
    executor: ExecutorConfig
    store: StoreConfig
    runs: int = Field(ge=1, le=10_000)
    seed: int
    resume: str | None = None
    workspace: Path


@dataclass(frozen=True)
class Composition:
    """Defaults and user, composed; ready to take the Enhancer's layer for each run."""

    composed: DictConfig
    overrides: tuple[str, ...] = ()
    """The user's command line, as given."""

    def app(self) -> AppConfig:
        """The configuration of the study; raises ConfigError."""
        return _validated(self.composed, self.overrides, enhancer=OmegaConf.create())

    def for_run(self, enhancer_yaml: str) -> RunConfiguration:
        """What one run is configured with: the generated file is the last layer; raises ConfigError.

        Composing the same three layers again gives the same text bit for bit.
        """
        enhancer = OmegaConf.create(enhancer_yaml)
        if not isinstance(enhancer, DictConfig) or set(enhancer) - {"settings"}:
            raise ConfigError("the Enhancer's file may hold the key settings only")
        merged = OmegaConf.merge(self.composed, enhancer)
        assert isinstance(merged, DictConfig)
        config = _validated(merged, self.overrides, enhancer=enhancer)
        layers = {name: self._layer(name, enhancer) for name in Settings.model_fields}
        return RunConfiguration(
            settings=config.settings, layers=layers, composed_yaml=OmegaConf.to_yaml(merged, resolve=True)
        )

    def _layer(self, setting: str, enhancer: DictConfig) -> Layer:
        if setting in enhancer.get("settings", {}):
            return "enhancer"
        default = defaults().settings.get(setting)
        named = any(override.lstrip("+").startswith(f"settings.{setting}=") for override in self.overrides)
        return "user" if named or self.composed.settings.get(setting) != default else "defaults"


def defaults() -> DictConfig:
    """The first layer alone."""
    return compose_layers(())


def compose_layers(overrides: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """The first two layers, composed by Hydra outside of an application; raises ConfigError."""
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: there is no such folder")
    search = [] if config_dir is None else [f"hydra.searchpath=[file://{config_dir.resolve()}]"]
    held = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", overrides=[*search, *named_tasks(overrides, config_dir)])
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(explain(str(error))) from error
    finally:
        GlobalHydra.instance().hydra = held


def compose_store(overrides: Sequence[str]) -> StoreConfig:
    """The store alone, for programs that only look; raises ConfigError."""
    composed = compose_layers(overrides)
    try:
        return StoreConfig.model_validate(OmegaConf.to_container(composed.store, resolve=True))
    except ValidationError as invalid:
        lines = [f"store.{error['loc'][0]}={error['input']}: {error['msg']}" for error in invalid.errors()]
        raise ConfigError("; ".join(lines)) from invalid


def recomposed(composed_yaml: str, overrides: Sequence[str]) -> Composition:
    """A recorded configuration with this machine's executor, store and workspace, and its task if one is named."""
    recorded, here = OmegaConf.create(composed_yaml), compose_layers(overrides)
    if not isinstance(recorded, DictConfig):
        raise ConfigError("the recorded configuration is not a mapping")
    recorded.executor, recorded.store, recorded.workspace = here.executor, here.store, here.workspace
    if any(word.startswith("task=") for word in overrides):
        recorded.task = here.task
    return Composition(recorded, tuple(overrides))


def check_overrides(overrides: Sequence[str], config_dir: Path | None = None) -> None:
    """Raise ConfigError when any point of a sweep, or the one point there is, is not a valid configuration."""
    for point in _points(overrides):
        Composition(compose_layers(point, config_dir), tuple(point)).app()


def _points(overrides: Sequence[str]) -> Iterator[list[str]]:
    """The overrides with each swept value in turn, the other sweeps at their first value."""
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
    except HydraException as error:
        raise ConfigError(explain(str(error))) from error
    values = [
        [f"{one.key_or_group}={value}" for value in one.sweep_string_iterator()]
        if one.is_sweep_override()
        else [one.input_line or ""]
        for one in parsed
    ]
    first = [choices[0] for choices in values]
    yield first
    for position, choices in enumerate(values):
        for choice in choices[1:]:
            yield [*first[:position], choice, *first[position + 1 :]]


def named_tasks(overrides: Sequence[str], config_dir: Path | None = None) -> list[str]:
    """The overrides with each task that is a folder or a path put as a choice that Hydra can hold.

    `task=NAME` is conf/task/NAME.yaml when there is one; any other value becomes a choice of its own that names the
    folder, so that sweeps over folders work too.
    """
    known = {path.stem for folder in (CONF, config_dir) if folder for path in (folder / "task").glob("*.yaml")}
    return [_named_task(override, known) if override.startswith("task=") else override for override in overrides]


def _named_task(override: str, known: set[str]) -> str:
    names = []
    for value in override.removeprefix("task=").split(","):
        name = value.strip().strip("'\"")
        if name and name not in known:
            choice = f"{re.sub(r'[^A-Za-z0-9-]+', '-', Path(name).name).strip('-')}-{digest_of(name)[:6]}"
            ConfigStore.instance().store(group="task", name=choice, node={"kind": "folder", "path": name})
            name = choice
        names.append(name)
    return "task=" + ",".join(names)


def _validated(composed: DictConfig, overrides: Sequence[str], enhancer: DictConfig) -> AppConfig:
    try:
        return AppConfig.model_validate(OmegaConf.to_container(composed, resolve=True))
    except ValidationError as invalid:
        lines = [_error_line(error, overrides, enhancer) for error in invalid.errors()]
        raise ConfigError("; ".join(lines)) from invalid
    except OmegaConfBaseException as error:
        raise ConfigError(explain(str(error))) from error


def _error_line(error: ErrorDetails, overrides: Sequence[str], enhancer: DictConfig) -> str:
    """`settings.num_solutions=9 (command line): Input should be less than or equal to 8; allowed: 1-8`."""
    path = [str(part) for part in error["loc"]]
    kinds = {"bundled", "folder", "playbook", "gemini", "vertex", "openai", "replay", "engineer", "bayes", "off"}
    key = ".".join(part for place, part in enumerate(path) if not (place == 1 and part in kinds | {"local", "ray"}))
    if error["type"] == "extra_forbidden":
        return f"{key}: there is no such key{_did_you_mean(path[-1], Settings.model_fields)}"
    allowed = ""
    if len(path) == 2 and path[0] == "settings" and path[1] in Settings.model_fields:
        allowed = f"; allowed: {bounds_of(path[1]).in_words()}"
    value = "" if isinstance(error["input"], dict) else f"={error['input']}"
    return f"{key}{value} ({_source(key, overrides, enhancer)}): {error['msg']}{allowed}"


def _source(key: str, overrides: Sequence[str], enhancer: DictConfig) -> str:
    if OmegaConf.select(enhancer, key) is not None:
        return "the Enhancer's file"
    if any(override.lstrip("+~").startswith(f"{key}=") for override in overrides):
        return "command line"
    same = OmegaConf.select(defaults(), key)
    return "defaults" if same is not None else "a user file"


def explain(message: str) -> str:
    """A Hydra message as one line that names the key and what is allowed."""
    text = message.strip()
    missing = re.search(r"Could not find '([^']+)'(?:.*?Available options in '[^']+':(.*))?", text, re.DOTALL)
    if missing is not None:
        group, _, name = missing[1].rpartition("/")
        options = sorted(re.findall(r"^\s+(\S+)$", missing[2] or "", re.MULTILINE))
        return f"{group}={name}: there is no such choice; allowed: {', '.join(options) or 'none'}"
    unknown = re.search(r"Could not override '([^']+)'", text)
    if unknown is not None:
        key = unknown[1]
        return f"{key} (command line): there is no such key{_did_you_mean(key, _all_keys())}"
    return " ".join(text.split())


def _all_keys() -> list[str]:
    def walk(config: DictConfig, prefix: str = "") -> Iterator[str]:
        for key in config:
            path = f"{prefix}{key!s}"
            yield path
            if OmegaConf.is_dict(config._get_node(key)):
                yield from walk(config[key], f"{path}.")

    return list(walk(defaults()))


def _did_you_mean(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=3)
    return f"; did you mean {' or '.join(close)}?" if close else ""
