"""A run as one trace: its questions and executions as spans under their phase and solution."""

from __future__ import annotations

import json

from mlestar.events import Answered, Event, Executed, PhaseEnded, PhaseStarted, Scope
from mlestar.records.base import Record, digest_of
from mlestar.records.run import RunRecord
from mlestar.records.strategy import Phase

TEXT_CHARACTERS = 60_000
"""Prompts and answers are cut to this length; the tape has them whole."""


class Span(Record):
    """One piece of work in a trace."""

    id: str
    """16 hexadecimal digits."""
    parent: str | None
    name: str
    kind: str
    """A span type of MLflow: CHAT_MODEL, TOOL …"""
    started_at: float
    seconds: float
    fault: str | None = None
    attributes: dict[str, str] = {}
    """Values as JSON text, under MLflow's names."""


class Tracer:
    """Turns the events of a run into spans; the same events give the same spans.

    What was taken from a tape has no span: it happened earlier.
    """

    def __init__(self, run: str) -> None:
        self._run = run
        self._count = 0
        self._started: dict[Phase, float] = {}
        self._extent: dict[tuple[Phase, int], tuple[float, float]] = {}

    @property
    def trace_id(self) -> str:
        """Identity of the trace: 32 hexadecimal digits."""
        return digest_of(self._run, "trace") + digest_of(self._run, "trace", "rest")

    @property
    def root(self) -> str:
        return digest_of(self._run, "root")

    def spans(self, event: Event) -> list[Span]:
        """The spans that are complete with this event."""
        if isinstance(event, PhaseStarted):
            self._started[event.phase] = event.at
        elif isinstance(event, PhaseEnded):
            return self._phase_spans(event)
        elif isinstance(event, Answered | Executed) and not event.replayed:
            return [self._answered(event) if isinstance(event, Answered) else self._executed(event)]
        return []

    def last(self, record: RunRecord) -> Span:
        """The span of the whole run, which completes the trace."""
        brief = record.brief
        told = {"settings": brief.settings.model_dump(mode="json")}
        if brief.strategy is not None:
            told["strategy"] = brief.strategy.model_dump(mode="json")
        came = {"score": None if record.best is None else record.best.score, "audit_score": record.audit_score}
        return Span(
            id=self.root,
            parent=None,
            name=f"{brief.task.name} {brief.run_id}",
            kind="CHAIN",
            started_at=record.started_at,
            seconds=record.seconds,
            fault=record.error,
            attributes={**_inputs(told), **_outputs(came)},
        )

    def _phase_spans(self, event: PhaseEnded) -> list[Span]:
        started = self._started.get(event.phase, event.at - event.seconds)
        phase = self._place(event.phase, 0)
        whole = Span(
            id=phase,
            parent=self.root,
            name=event.phase,
            kind="CHAIN",
            started_at=started,
            seconds=event.seconds,
            attributes=_outputs({"best_score": event.best_score}),
        )
        parts = [
            Span(
                id=self._place(event.phase, solution),
                parent=phase,
                name=f"solution {solution}",
                kind="CHAIN",
                started_at=first,
                seconds=last - first,
            )
            for (name, solution), (first, last) in sorted(self._extent.items())
            if name == event.phase
        ]
        return [whole, *parts]

    def _answered(self, event: Answered) -> Span:
        usage = event.usage
        attributes = {
            **_inputs({"messages": [{"role": "user", "content": event.prompt[:TEXT_CHARACTERS]}]}),
            **_outputs({"role": "assistant", "content": event.answer[:TEXT_CHARACTERS]}),
            "label": json.dumps(event.scope.label),
        }
        if event.sources:
            attributes["sources"] = json.dumps(event.sources)
        if usage.model:
            counted = {"input_tokens": usage.tokens_in, "output_tokens": usage.tokens_out}
            attributes["mlflow.chat.tokenUsage"] = json.dumps(
                {**counted, "total_tokens": usage.tokens_in + usage.tokens_out}
            )
            attributes["mlflow.llm.model"] = json.dumps(usage.model)
            attributes["attempts"] = json.dumps(usage.attempts)
        if usage.model and usage.usd is not None:
            attributes["mlflow.llm.cost"] = json.dumps({"total_cost": usage.usd})
        kind = "CHAT_MODEL" if usage.model else "AGENT"
        return self._span(event.question, kind, event.scope, event.started_at, event.seconds, event.fault, attributes)

    def _executed(self, event: Executed) -> Span:
        execution = event.execution
        attributes = {
            **_inputs({"script": event.scope.label or event.script_digest, "view": event.view}),
            **_outputs({"status": execution.status, "stdout": execution.stdout_tail, "stderr": execution.stderr_tail}),
        }
        name = f"{event.view}: {event.scope.label or event.script_digest}"  # the list of spans cuts long names
        started, seconds = execution.started_at, execution.seconds
        return self._span(name, "TOOL", event.scope, started, seconds, execution.fault, attributes)

    def _span(
        self,
        name: str,
        kind: str,
        scope: Scope,
        started_at: float,
        seconds: float,
        fault: str | None,
        attributes: dict[str, str],
    ) -> Span:
        self._count += 1
        self._stretch(scope, started_at, started_at + seconds)
        return Span(
            id=digest_of(self._run, "span", str(self._count)),
            parent=self.root if scope.phase is None else self._place(scope.phase, scope.solution),
            name=name,
            kind=kind,
            started_at=started_at,
            seconds=seconds,
            fault=fault,
            attributes=attributes,
        )

    def _stretch(self, scope: Scope, first: float, last: float) -> None:
        if scope.phase is not None and scope.solution:
            key = (scope.phase, scope.solution)
            known = self._extent.get(key, (first, last))
            self._extent[key] = (min(first, known[0]), max(last, known[1]))

    def _place(self, phase: Phase, solution: int) -> str:
        return digest_of(self._run, phase, str(solution))


def _inputs(value: object) -> dict[str, str]:
    return {"mlflow.spanInputs": json.dumps(value)}


def _outputs(value: object) -> dict[str, str]:
    return {"mlflow.spanOutputs": json.dumps(value)}
