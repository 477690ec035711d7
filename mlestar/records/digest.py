"""What is told to a research lead of the runs so far: the bounded, typed form of a history.

The Enhancer writes it, engineers read it: a language model as JSON text, the playbook as this record.
Gains are in units of the metric and positive when better; scores of failed runs are absent.
"""

from __future__ import annotations

from mlestar.records.base import Record
from mlestar.records.run import Layer, RunStatus
from mlestar.records.strategy import Phase
from mlestar.records.task import Direction

SettingValue = int | float | str


class BestLine(Record):
    """The best run known."""

    run: str
    study: str = ""
    """Empty when it belongs to the study being advised."""
    score: float
    seconds: float = 0.0


class SettingLine(Record):
    """An effective setting of the last run and the layer it came from."""

    name: str
    value: SettingValue
    layer: Layer = "defaults"


class PhaseLine(Record):
    """What one phase brought and cost, over all runs or in one of them."""

    phase: Phase
    best_score: float | None = None
    gain: float | None = None
    """Improvement of the best score during the phase; absent for the first phase that scored."""
    seconds: float = 0.0
    executions: int = 0
    failures: int = 0
    gain_per_second: float | None = None
    rounds_asked: int = 0
    """Attempts the settings ask for; told of the last runs only."""
    rounds_done: int = 0
    """Attempts carried out; fewer than asked in a run near its budget means that time ran out."""


class FocusLine(Record):
    """What plans of one focus brought, over all runs."""

    phase: Phase
    focus: str
    tried: int
    paid: int = 0
    """How many of them improved the score."""
    failed: int = 0
    best_gain: float | None = None
    mean_gain: float | None = None
    seconds: float = 0.0
    gain_per_second: float | None = None
    """Sum of the positive gains over the seconds of all tries."""
    last_run: str = ""


class ModelLine(Record):
    """What a model scored as a first script."""

    model: str
    tried: int
    failed: int = 0
    best_score: float | None = None
    mean_seconds: float = 0.0


class OverrideOutcome(Record):
    """A setting the Enhancer changed."""

    name: str
    before: SettingValue | None = None
    after: SettingValue


class GoalOutcome(Record):
    """A goal and what the attempts that followed it brought."""

    phase: Phase
    focus: str
    priority: int
    tried: int = 0
    best_gain: float | None = None


class StrategyLine(Record):
    """An earlier strategy and whether it paid."""

    run: str
    """The run it advised."""
    summary: str = ""
    overrides: tuple[OverrideOutcome, ...] = ()
    goals: tuple[GoalOutcome, ...] = ()
    gain: float | None = None
    """Score of the advised run over the best before it; absent when either has none."""
    seconds_more: float | None = None
    """How much longer the advised run took than the one before it."""
    paid: bool | None = None


class RunLine(Record):
    """One run."""

    run: str
    study: str = ""
    status: RunStatus
    score: float | None = None
    gain: float | None = None
    """Over the best before it in its study."""
    seconds: float = 0.0
    executions: int = 0
    failures: int = 0
    usd: float | None = None
    phases: tuple[PhaseLine, ...] = ()
    error: str = ""


class ComponentLine(Record):
    """What an ablation of the last run showed; a strongly negative gain means the component matters."""

    solution: int
    step: int
    component: str
    change: str = ""
    gain: float | None = None


class AttemptLine(Record):
    """What one plan of the last run brought."""

    phase: Phase
    solution: int = 0
    step: int = 0
    focus: str
    plan: str = ""
    score: float | None = None
    gain: float | None = None
    seconds: float = 0.0
    fault: str = ""


class FaultLine(Record):
    """A kind of failure."""

    kind: str
    count: int
    """How many different messages of it there were, run by run."""
    example: str = ""


class StudyLine(Record):
    """An earlier study of the same task."""

    study: str
    runs: int
    best_score: float | None = None
    best_settings: dict[str, SettingValue] = {}
    """Settings of its best run that differ from the defaults."""
    foci_that_paid: tuple[str, ...] = ()


class LessonLine(Record):
    """What paid on other tasks of one kind; gains are shares of the score at which the run began."""

    task_kind: str
    topic: str
    """A focus, or `model` for first scripts."""
    name: str
    tasks: int
    tried: int
    paid: int
    mean_relative_gain: float | None = None


class CostLine(Record):
    """What the study used so far."""

    seconds: float = 0.0
    calls: int = 0
    tokens: int = 0
    usd: float | None = 0.0
    executions: int = 0
    failures: int = 0


class HistoryDigest(Record):
    """The history, most informative first; `text` is bounded and `left_out` says what does not fit."""

    metric: str = ""
    direction: Direction = "minimize"
    task_kind: str = ""
    runs_done: int = 0
    runs_failed: int = 0
    best: BestLine | None = None
    runs_since_best: int = 0
    """Runs of the study after the one that holds its best score."""
    carries_best: bool = False
    """The best script known takes part in the next run as a starting solution."""
    settings: tuple[SettingLine, ...] = ()
    cost: CostLine = CostLine()
    phases: tuple[PhaseLine, ...] = ()
    foci: tuple[FocusLine, ...] = ()
    strategies: tuple[StrategyLine, ...] = ()
    """Newest first."""
    runs: tuple[RunLine, ...] = ()
    """The last, the best, those that set a record, then the others from the newest."""
    models: tuple[ModelLine, ...] = ()
    attempts: tuple[AttemptLine, ...] = ()
    components: tuple[ComponentLine, ...] = ()
    faults: tuple[FaultLine, ...] = ()
    earlier_studies: tuple[StudyLine, ...] = ()
    lessons: tuple[LessonLine, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """JSON; fields at their defaults are omitted."""
        return self.model_dump_json(exclude_defaults=True)
