"""Vertex AI's way in: application default credentials, a token, the project in the path."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mlestar.engineers.budget import Budget
from mlestar.engineers.gemini import open_gemini
from mlestar.engineers.services import VertexConfig
from mlestar.errors import ConfigError
from mlestar.questions.initialization import SummarizeTask
from mlestar.records.settings import Settings
from tests.engineers.wires import QUICK, service
from tests.prompts.specimens import ASSIGNMENT
from tests.wire.server import TOKEN

SUMMARIZE = SummarizeTask(assignment=ASSIGNMENT)


def credentials(folder: Path, url: str) -> Path:
    """A service account of nobody, whose tokens come from the loopback."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "lab",
        "private_key": private.decode(),
        "client_email": "nobody@example.org",
        "token_uri": f"{url}/token",
    }
    path = folder / "account.json"
    path.write_text(json.dumps(account))
    return path


async def test_a_question_is_answered_with_a_token_for_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with service() as fake:
        fake.key = TOKEN
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(credentials(tmp_path, fake.url)))
        config = VertexConfig.model_validate(
            {**QUICK, "project": "lab", "location": "europe-west4", "base_url": fake.url}
        )
        async with open_gemini(config, Budget()) as hire:
            answer = await hire(Settings()).ask(SUMMARIZE)
    assert answer.text == "It is about flats."
    [seen] = fake.seen
    assert seen.path.startswith("/v1/projects/lab/locations/europe-west4/publishers/google/models/tiny:generateContent")
    assert seen.key == TOKEN


async def test_credentials_that_are_not_there_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/account.json")
    config = VertexConfig.model_validate({**QUICK, "project": "lab", "base_url": "http://127.0.0.1:9"})
    with pytest.raises(ConfigError, match="credentials") as caught:
        async with open_gemini(config, Budget()) as hire:
            await hire(Settings()).ask(SUMMARIZE)
    assert "\n" not in str(caught.value)
