"""A wire is a real client talking to the loopback service."""

from __future__ import annotations

from typing import cast

import pytest

from tests.engineers.wires import KEY, WIRES, Opening


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("GOOGLE_API_KEY", "GOOGLE_GEMINI_BASE_URL", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(params=sorted(WIRES))
def opening(request: pytest.FixtureRequest) -> Opening:
    return WIRES[cast("str", request.param)]
