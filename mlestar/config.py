"""Composes the three layers and checks the result: defaults in conf/ < the user < the Enhancer's generated file.

Hydra composes, pydantic validates; there is one schema. A wrong key or value is one line that names the key, the
layer it came from and what is allowed.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import Field, ValidationError
from yaml import YAMLError
from yaml.error import MarkedYAMLError

from mlestar.choice import EngineerConfig
from mlestar.enhancer.choice import EnhancerConfig
from mlestar.errors import ConfigError
from mlestar.execution.factory import ExecutorConfig
from mlestar.explain import Layers, hydra_line, invalid_line
from mlestar.recorder import RunConfiguration
from mlestar.records.base import Record, digest_of
from mlestar.records.run import Layer
from mlestar.records.settings import Settings
from mlestar.tasks.source import TaskConfig
from mlestar.tracking.links import shown_uri
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
    seed: int = Field(ge=0, le=2**31 - 1)
    resume: str | None = None
    workspace: Path


@dataclass(frozen=True)
class Composition:
    """Defaults and user, composed; ready to take the Enhancer's layer for each run."""

    composed: DictConfig
    overrides: tuple[str, ...] = ()
    """The user's command line, as given."""
    config_dir: Path | None = None
    """The user's folder of YAML files."""

    def app(self) -> AppConfig:
        """The configuration of the study; raises ConfigError."""
        return _validated(self.composed, self.overrides, enhancer=OmegaConf.create())

    def for_run(self, enhancer_yaml: str) -> RunConfiguration:
        """What one run is configured with: the generated file is the last layer; raises ConfigError.

        Composing the same three layers again gives the same text bit for bit; it holds no password of the store.
        """
        enhancer = OmegaConf.create(enhancer_yaml)
        if not isinstance(enhancer, DictConfig) or set(enhancer) - {"settings"}:
            raise ConfigError("the Enhancer's file may hold the key settings only")
        merged = OmegaConf.merge(self.composed, enhancer)
        assert isinstance(merged, DictConfig)
        config = _validated(merged, self.overrides, enhancer=enhancer)
        if config.store.tracking_uri is not None:
            merged.store.tracking_uri = shown_uri(config.store.tracking_uri)
        first = defaults()
        layers = {name: self._layer(name, first, enhancer) for name in Settings.model_fields}
        return RunConfiguration(
            settings=config.settings, layers=layers, composed_yaml=OmegaConf.to_yaml(merged, resolve=True)
        )

    def _layer(self, setting: str, first: DictConfig, enhancer: DictConfig) -> Layer:
        if setting in enhancer.get("settings", {}):
            return "enhancer"
        default = first.settings.get(setting)
        named = any(override.lstrip("+").startswith(f"settings.{setting}=") for override in self.overrides)
        return "user" if named or self.composed.settings.get(setting) != default else "defaults"


def defaults() -> DictConfig:
    """The first layer alone."""
    return compose_layers(())


def compose_layers(overrides: Sequence[str], config_dir: Path | None = None) -> DictConfig:
    """The first two layers, composed by Hydra outside of an application; raises ConfigError."""
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"--config-dir {config_dir}: there is no such folder")
    for word in overrides:
        _parsed(word)
    search = [] if config_dir is None else [f"hydra.searchpath=[file://{config_dir.resolve()}]"]
    held = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            return compose("config", overrides=[*search, *named_tasks(overrides, config_dir)])
    except (HydraException, OmegaConfBaseException) as error:
        raise ConfigError(hydra_line(str(error), _tree(defaults()) if overrides else {})) from error
    except YAMLError as error:
        raise ConfigError(f"{_where(error)}: not readable as YAML: {' '.join(str(error).split())[:200]}") from error
    finally:
        GlobalHydra.instance().hydra = held


def _where(error: YAMLError) -> str:
    """The file and the line that cannot be read."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return "a configuration file" if mark is None else f"{mark.name}, line {mark.line + 1}"


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


def check_overrides(
    overrides: Sequence[str], config_dir: Path | None = None, *, sweeps: bool = False
) -> list[AppConfig]:
    """Each value of a sweep checked once, or the one configuration there is; raises ConfigError."""
    several = [word for word in overrides if _parsed(word).is_sweep_override()]
    if several and not sweeps:
        raise ConfigError(f"{several[0]}: a sweep over several values needs -m; a list is written KEY=[A,B]")
    return [Composition(compose_layers(point, config_dir), tuple(point)).app() for point in _points(overrides)]


def points_of(overrides: Sequence[str]) -> int:
    """How many points a sweep has: the product of its choices."""
    return math.prod(len(choices) for choices in _choices(overrides))


def _points(overrides: Sequence[str]) -> Iterator[list[str]]:
    """The overrides with each swept value in turn, the other sweeps at their first value."""
    values = _choices(overrides)
    first = [choices[0] for choices in values]
    yield first
    for position, choices in enumerate(values):
        for choice in choices[1:]:
            yield [*first[:position], choice, *first[position + 1 :]]


def _choices(overrides: Sequence[str]) -> list[list[str]]:
    """For each override the words it stands for: one, or one for each value that is swept over."""
    return [
        [f"{one.key_or_group}={value}" for value in one.sweep_string_iterator()]
        if one.is_sweep_override()
        else [one.input_line or ""]
        for one in map(_parsed, overrides)
    ]


def _parsed(word: str) -> Override:
    if not re.match(r"[^\s=][^=]*=", word):
        raise ConfigError(f"{word}: not understood; write KEY=VALUE, for example settings.num_solutions=3")
    try:
        return OverridesParser.create().parse_override(word)
    except HydraException as error:
        raise ConfigError(
            f"{word}: not understood; a value with special characters is quoted twice: 'KEY=\"VALUE\"'"
        ) from error


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
        tree = _tree(composed)
        return AppConfig.model_validate(tree)
    except ValidationError as invalid:
        layers = Layers(_tree(defaults()), tree, _tree(enhancer), overrides)
        raise ConfigError(invalid_line(invalid, layers, AppConfig)) from invalid
    except OmegaConfBaseException as error:
        raise ConfigError(hydra_line(str(error), {})) from error


def _tree(config: DictConfig) -> dict[str, object]:
    plain = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    return {str(key): value for key, value in plain.items()} if isinstance(plain, dict) else {}
