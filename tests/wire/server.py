"""The service: Gemini's generateContent and OpenAI's chat completions over HTTP on the loopback.

It answers with an engineer of ours, who is told nothing but the words of the prompt.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from mlestar.doors import Engineer
from mlestar.errors import BadAnswer
from tests.wire.heard import heard
from tests.wire.replies import CONTENT_FAULTS, Reply, gemini_body, misspoken, openai_body, spoken

TOKEN = "loopback-token"
"""What the token endpoint of Vertex's credentials hands out."""
GEMINI_PATH = re.compile(r"/models/([^/:]+):generateContent$")
STATUS_FAULTS = {
    "429_retry_after": (429, "RESOURCE_EXHAUSTED"),
    "429_retry_info": (429, "RESOURCE_EXHAUSTED"),
    "429": (429, "RESOURCE_EXHAUSTED"),
    "500": (500, "INTERNAL"),
    "502": (502, "BAD_GATEWAY"),
    "503": (503, "UNAVAILABLE"),
    "504": (504, "DEADLINE_EXCEEDED"),
    "400": (400, "INVALID_ARGUMENT"),
    "401": (401, "UNAUTHENTICATED"),
    "403": (403, "PERMISSION_DENIED"),
    "404": (404, "NOT_FOUND"),
    "no_json_mode": (400, "response_format is not supported"),
}
LINE_FAULTS = ("dropped", "half_reply", "garbage", "slow")
FAULTS: tuple[str, ...] = (*STATUS_FAULTS, *LINE_FAULTS, *CONTENT_FAULTS)


@dataclass
class Seen:
    """One request as it came in."""

    path: str
    key: str
    body: dict[str, Any]
    question: str = ""
    fault: str = ""
    at: float = field(default_factory=time.monotonic)


class FakeService:
    """A service with its faults: `faults` are used up one per request, `chaos` adds more at random."""

    def __init__(
        self,
        engineer: Engineer,
        *,
        key: str = "",
        chaos: tuple[str, ...] = (),
        chaos_share: float = 0.0,
        seed: int = 0,
        slow_seconds: float = 1.3,
        record: Path | None = None,
        port: int = 0,
    ) -> None:
        self.engineer = engineer
        self.key = key
        self.faults: deque[str] = deque()
        self.seen: list[Seen] = []
        self.slow_seconds = slow_seconds
        self._chaos = chaos
        self._chaos_share = chaos_share
        self._random = random.Random(seed)
        self._record = record
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.service = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> FakeService:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Base address; the OpenAI wire is below `/v1`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def take(self, path: str, key: str, body: dict[str, Any]) -> Seen:
        """Keep the request and choose its fault."""
        with self._lock:
            fault = ""
            if self.faults:
                fault = self.faults.popleft()
            elif self._chaos and self._random.random() < self._chaos_share:
                fault = self._random.choice(self._chaos)
            seen = Seen(path=path, key=key, body=body, fault=fault)
            self.seen.append(seen)
            return seen

    def reply(self, seen: Seen, prompt: str, *, plain_json: bool, searched: bool) -> Reply:
        """What the engineer says to the prompt, with the fault of the request."""
        question = heard(prompt)
        seen.question = type(question).__name__
        self._keep(seen, prompt)
        try:
            answer = asyncio.run(self.engineer.ask(question))
        except BadAnswer as bad:
            return Reply(text=f"I do not know: {bad}")
        reply = spoken(question, answer, plain_json=plain_json, searched=searched)
        return misspoken(reply, seen.fault) if seen.fault in CONTENT_FAULTS else reply

    def _keep(self, seen: Seen, prompt: str) -> None:
        if self._record is None:
            return
        with self._lock:
            number = len(list(self._record.iterdir())) + 1
            (self._record / f"{number:04d}-{seen.question}.md").write_text(prompt)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    service: FakeService

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/token":
            self._send(200, json.dumps({"access_token": TOKEN, "expires_in": 3600, "token_type": "Bearer"}).encode())
            return
        body = json.loads(raw)
        key = self.headers.get("x-goog-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        service = self.server.service
        seen = service.take(self.path, key, body)
        if service.key and key != service.key:
            seen.fault = "401"
        if seen.fault in STATUS_FAULTS:
            self._send_fault(seen.fault)
        elif seen.fault == "dropped":
            self.close_connection = True
        elif seen.fault == "garbage":
            self._send(200, b"<html>busy</html>")
        else:
            self._send_answer(service, seen)

    def _send_answer(self, service: FakeService, seen: Seen) -> None:
        if seen.fault == "slow":
            time.sleep(service.slow_seconds)
        payload = json.dumps(self._answer(service, seen)).encode()
        if seen.fault == "half_reply":
            self._send(200, payload[: len(payload) // 2], length=len(payload))
            self.close_connection = True
        else:
            self._send(200, payload)

    def _answer(self, service: FakeService, seen: Seen) -> dict[str, Any]:
        body = seen.body
        gemini = GEMINI_PATH.search(self.path.partition("?")[0])
        if gemini:
            prompt = body["contents"][0]["parts"][0]["text"]
            schema = "responseSchema" in body.get("generationConfig", {})
            reply = service.reply(seen, prompt, plain_json=schema, searched=bool(body.get("tools")))
            return gemini_body(reply, gemini[1], len(json.dumps(body)))
        prompt = next(message["content"] for message in body["messages"] if message["role"] == "user")
        reply = service.reply(seen, prompt, plain_json="response_format" in body, searched=False)
        return openai_body(reply, body["model"], len(json.dumps(body)))

    def _send_fault(self, fault: str) -> None:
        code, status = STATUS_FAULTS[fault]
        error: dict[str, Any] = {"code": code, "status": status, "message": f"injected {status}"}
        if fault == "429_retry_info":
            info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}
            error["details"] = [info]
        headers = {"retry-after": "1"} if fault == "429_retry_after" else {}
        self._send(code, json.dumps({"error": error}).encode(), headers=headers)

    def _send(
        self, code: int, payload: bytes, *, length: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(payload) if length is None else length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)
