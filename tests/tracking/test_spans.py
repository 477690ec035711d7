"""What a question leaves in the trace of its run."""

from __future__ import annotations

import json

from mlestar.events import Answered, Scope, Usage
from mlestar.tracking.spans import Tracer


def test_the_addresses_an_answer_rests_on_are_in_its_span() -> None:
    tracer = Tracer("run")
    answered = Answered(
        question="RetrieveModels",
        scope=Scope(phase="initialization"),
        sources=("https://example.org/1",),
        usage=Usage(model="tiny", tokens_in=3, tokens_out=4, attempts=2),
        started_at=0.0,
        seconds=1.0,
    )
    [span] = tracer.spans(answered)
    assert json.loads(span.attributes["sources"]) == ["https://example.org/1"]
    assert json.loads(span.attributes["attempts"]) == 2
