"""One question to the configured engineer, and what is wrong when something is."""

from __future__ import annotations

import io

import pytest

from mlestar.check import check
from mlestar.errors import BadAnswer, ConfigError, EngineerUnavailable
from mlestar.playbook.book import Playbook
from tests.wire.server import FakeService

KEY = "planted-key-51d9"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


async def test_a_service_that_works_is_described() -> None:
    out = io.StringIO()
    with FakeService(Playbook(), key=KEY) as fake:
        await check(["engineer=gemini", f"engineer.base_url={fake.url}"], out)
    said = dict(line.split(maxsplit=1) for line in out.getvalue().splitlines())
    assert (said["engineer"], said["model"], said["attempts"]) == ("gemini", "gemini-3.5-flash", "1")
    assert said["price"].endswith(" usd")
    assert "lines that compiles" in said["answer"]
    assert KEY not in out.getvalue()


async def test_an_unknown_price_is_said() -> None:
    out = io.StringIO()
    with FakeService(Playbook(), key=KEY) as fake:
        await check(["engineer=openai", f"engineer.base_url={fake.url}/v1", "engineer.model=own"], out)
    assert "price     unknown: the model is not in conf/prices.yaml" in out.getvalue()


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ("401", ConfigError, "the service refuses gemini-3.5-flash: 401"),
        ("404", ConfigError, "404 NOT_FOUND"),
        ("503", EngineerUnavailable, "503 UNAVAILABLE"),
        ("no_fence", BadAnswer, "0 fenced code blocks"),
    ],
)
async def test_what_is_wrong_is_one_line(fault: str, error: type[Exception], words: str) -> None:
    out = io.StringIO()
    settings = ["engineer.pause_seconds=0.01", "engineer=gemini"]
    with FakeService(Playbook(), chaos=(fault,), chaos_share=1.0) as fake, pytest.raises(error, match=words) as caught:
        await check([*settings, f"engineer.base_url={fake.url}"], out)
    assert "\n" not in str(caught.value)
    assert "model     gemini-3.5-flash" in out.getvalue()


async def test_a_missing_key_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GEMINI_API_KEY")
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    with pytest.raises(ConfigError, match="no key: set the environment variable GEMINI_API_KEY or GOOGLE_API_KEY"):
        await check(["engineer=gemini"], io.StringIO())
