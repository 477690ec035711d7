"""Writing to MLflow, with explicit run ids; with what it inherits, every MLflow call of runs and traces."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlestar.records.base import Record
from mlestar.tracking.faults import mapped_errors
from mlestar.tracking.reading import MlflowReader
from mlestar.tracking.spans import Span

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

PARAMS_PER_BATCH = 100
TAGS_PER_BATCH = 100
METRICS_PER_BATCH = 900
PARAM_CHARACTERS = 6000
TAG_CHARACTERS = 8000


class Point(Record):
    """One value of a metric."""

    key: str
    value: float
    step: int = 0
    at: float
    """Seconds since the epoch."""


class Backend(Protocol):
    """Where a writer writes; every call may raise StoreUnavailable and may then be made again."""

    def log(
        self, run_id: str, *, points: Sequence[Point] = (), params: Mapping[str, str] = {}, tags: Mapping[str, str] = {}
    ) -> None: ...

    def log_texts(self, run_id: str, texts: Mapping[str, str]) -> None: ...

    def log_spans(self, experiment_id: str, trace_id: str, spans: Sequence[Span]) -> None: ...


class MlflowBackend(MlflowReader):
    """Writes and reads through one `MlflowClient`; may be used from several threads."""

    def create_run(self, experiment_id: str, name: str, tags: Mapping[str, str], started_at: float) -> str:
        """Open a run and return its id."""
        with mapped_errors():
            run = self.client.create_run(
                experiment_id, start_time=int(started_at * 1000), tags=fitting_tags(tags), run_name=name
            )
        return str(run.info.run_id)

    def log(
        self, run_id: str, *, points: Sequence[Point] = (), params: Mapping[str, str] = {}, tags: Mapping[str, str] = {}
    ) -> None:
        """Write metrics, params and tags, in as few requests as the limits of MLflow allow."""
        from mlflow.entities import Metric, Param, RunTag

        metrics = [Metric(p.key, p.value, int(p.at * 1000), p.step) for p in points]
        settings = [Param(key, value[:PARAM_CHARACTERS]) for key, value in params.items()]
        marks = [RunTag(key, value) for key, value in fitting_tags(tags).items()]
        with mapped_errors():
            while metrics or settings or marks:
                self.client.log_batch(
                    run_id,
                    metrics=metrics[:METRICS_PER_BATCH],
                    params=settings[:PARAMS_PER_BATCH],
                    tags=marks[:TAGS_PER_BATCH],
                )
                del metrics[:METRICS_PER_BATCH], settings[:PARAMS_PER_BATCH], marks[:TAGS_PER_BATCH]

    def log_texts(self, run_id: str, texts: Mapping[str, str]) -> None:
        """Write text artifacts; many at once cost little more than one."""
        with tempfile.TemporaryDirectory(prefix="mlestar-artifacts-") as folder, mapped_errors():
            for path, text in texts.items():
                file = Path(folder, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8", errors="replace")
            self.client.log_artifacts(run_id, folder)

    def log_file(self, run_id: str, path: str, file: Path) -> None:
        """Write one file under an artifact path whose last part is the file's name."""
        with mapped_errors():
            folder = str(Path(path).parent)
            self.client.log_artifact(run_id, str(file), None if folder == "." else folder)

    def log_inputs(self, run_id: str, datasets: Sequence[DatasetInput]) -> None:
        """Name the data that a run worked on."""
        with mapped_errors():
            self.client.log_inputs(run_id, datasets=list(datasets))

    def log_spans(self, experiment_id: str, trace_id: str, spans: Sequence[Span]) -> None:
        """Add spans to a trace; the trace begins with its first spans and is in progress until it is closed."""
        from mlflow.entities import Span as MlflowSpan
        from mlflow.tracing.client import TracingClient

        with mapped_errors():
            given = [MlflowSpan.from_dict(span_fields(trace_id, span)) for span in spans]
            TracingClient(self.uri).log_spans(experiment_id, given)

    def close_trace(self, experiment_id: str, run_id: str, trace_id: str, root: Span) -> None:
        """Complete a trace and tie it to its run."""
        from mlflow.entities import TraceInfo, TraceLocation, TraceState
        from mlflow.tracing.client import TracingClient

        info = TraceInfo(
            trace_id=f"tr-{trace_id}",
            trace_location=TraceLocation.from_experiment_id(experiment_id),
            request_time=int(root.started_at * 1000),
            execution_duration=int(root.seconds * 1000),
            state=TraceState.OK if root.fault is None else TraceState.ERROR,
            request_preview=root.name,
            response_preview=root.fault,
            trace_metadata={"mlflow.sourceRun": run_id},
            tags={"mlflow.traceName": root.name},
        )
        with mapped_errors():
            TracingClient(self.uri).start_trace(info)

    def close(self, run_id: str, status: str) -> None:
        """End a run with an MLflow status: FINISHED, FAILED or KILLED."""
        with mapped_errors():
            self.client.set_terminated(run_id, status=status)

    def rename(self, run_id: str, name: str) -> None:
        """Give a run the name that people see."""
        with mapped_errors():
            self.client.update_run(run_id, name=name)

    def reopen(self, run_id: str) -> None:
        """Set a closed run to running again."""
        with mapped_errors():
            self.client.update_run(run_id, status="RUNNING")

    def discard(self, run_id: str) -> None:
        """Put a run among the deleted ones."""
        with mapped_errors():
            self.client.delete_run(run_id)

    def experiment(self, name: str) -> str:
        """The id of an experiment; made when there is none of this name."""
        with mapped_errors():
            known = self.client.get_experiment_by_name(name)
            if known is None:
                return self._new_experiment(name)
            if known.lifecycle_stage == "deleted":
                self.client.restore_experiment(known.experiment_id)
            return str(known.experiment_id)

    def _new_experiment(self, name: str) -> str:
        from mlflow.exceptions import MlflowException

        try:
            return self.client.create_experiment(name, tags={"mlflow.experimentKind": "custom_model_development"})
        except MlflowException:
            known = self.client.get_experiment_by_name(name)  # another process was quicker
            if known is None:
                raise
            return str(known.experiment_id)


def fitting_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags cut to the length that MLflow takes."""
    return {key: value[:TAG_CHARACTERS] for key, value in tags.items()}


def span_fields(trace_id: str, span: Span) -> dict[str, object]:
    """A span as the dictionary MLflow reads one from."""
    own = {"mlflow.traceRequestId": json.dumps(f"tr-{trace_id}"), "mlflow.spanType": json.dumps(span.kind)}
    return {
        "trace_id": f"tr-{trace_id}",
        "span_id": span.id,
        "parent_span_id": span.parent,
        "name": span.name,
        "start_time_unix_nano": int(span.started_at * 1e9),
        "end_time_unix_nano": int((span.started_at + span.seconds) * 1e9),
        "status": {"code": "OK" if span.fault is None else "ERROR", "message": span.fault or ""},
        "attributes": {**span.attributes, **own},
        "events": [],
    }
