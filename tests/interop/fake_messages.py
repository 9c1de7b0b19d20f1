"""A scripted model: a loopback server that speaks the Messages API with streaming.

A script is chosen by a text that the conversation's user messages contain; which of its turns is
next is the number of answers that the conversation already holds, so a resumed conversation goes
on where it was. Whatever else a client asks (titles, token counts, summaries) gets a small answer
that does not count.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any

KEY = "sk-ant-loopback-only-0123456789abcdef"
"""What the program is told is its key; approved by its last part."""


@dataclass
class Text:
    """A block of text, sent in pieces."""

    text: str
    pieces: int = 4


@dataclass
class Tool:
    """A call of one of the client's tools."""

    name: str
    input: dict[str, Any]


@dataclass
class Turn:
    """One answer of the model."""

    blocks: list[Text | Tool]
    delay_s: float = 0.0
    """Before the first byte."""
    hold: threading.Event | None = None
    """After the first piece of text, until it is set."""
    error: tuple[int, str, str] | None = None
    """Status, error type and message instead of an answer."""


def bash(command: str, description: str = "a step") -> Tool:
    """A Bash call."""
    return Tool("Bash", {"command": command, "description": description})


def say(text: str, **more: Any) -> Turn:
    """A turn that only says something, and so ends."""
    return Turn([Text(text)], **more)


def run(command: str, before: str = "Let me see.", **more: Any) -> Turn:
    """A turn that runs a command."""
    return Turn([Text(before), bash(command)], **more)


@dataclass
class Script:
    """The turns of one conversation."""

    contains: str
    """In any text of a user message."""
    turns: list[Turn] | Callable[[list[dict[str, Any]]], Turn]
    after: str = "Nothing is left to do."
    served: int = field(default=0)


class FakeMessages:
    """The server; use it as a context manager. `url` is what clients are given as base address."""

    def __init__(self, *scripts: Script) -> None:
        self.scripts = list(scripts)
        self.requests: list[dict[str, Any]] = []
        """Bodies of the conversations' own requests, in order."""
        self.side: list[dict[str, Any]] = []
        self.keys: set[str] = set()
        self._lock = threading.Lock()
        self._ids = count(1)
        fake = self

        class Handler(_Handler):
            server_of_scripts = fake

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeMessages:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for script in self.scripts:
            if isinstance(script.turns, list):
                for turn in script.turns:
                    if turn.hold:
                        turn.hold.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)

    def turn_for(self, body: dict[str, Any]) -> Turn:
        """The answer to one request."""
        messages = body.get("messages", [])
        with self._lock:
            script = self._script(messages) if body.get("tools") else None
            if script is None:
                self.side.append(body)
                return say('{"title": "A task", "isNewTopic": false}')
            self.requests.append(body)
            script.served += 1
            if callable(script.turns):
                return script.turns(messages)
            done = sum(1 for message in messages if message.get("role") == "assistant")
            return script.turns[done] if done < len(script.turns) else say(script.after)

    def _script(self, messages: list[dict[str, Any]]) -> Script | None:
        said = "\n".join(user_texts(messages))
        return next((script for script in self.scripts if script.contains in said), None)

    def next_id(self) -> str:
        return f"msg_{next(self._ids):06d}"


def user_texts(messages: list[dict[str, Any]]) -> list[str]:
    """Everything that user messages say, tool results included."""
    texts: list[str] = []
    for message in messages:
        if message.get("role") != "user":
            continue
        content = message.get("content", "")
        blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
        for block in blocks:
            if block.get("type") == "text":
                texts.append(block.get("text", ""))
            elif block.get("type") == "tool_result":
                inner = block.get("content", "")
                texts.append(inner if isinstance(inner, str) else json.dumps(inner))
    return texts


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of_scripts: FakeMessages

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._json(200, {})

    def do_HEAD(self) -> None:
        self._json(200, {})

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        if path.endswith("/count_tokens"):
            self._json(200, {"input_tokens": 100})
            return
        if not path.endswith("/v1/messages"):
            self._json(200, {})
            return
        fake = self.server_of_scripts
        fake.keys.add(self.headers.get("x-api-key") or "")
        body = json.loads(raw)
        turn = fake.turn_for(body)
        time.sleep(turn.delay_s)
        try:
            if turn.error:
                status, kind, message = turn.error
                self._json(status, {"type": "error", "error": {"type": kind, "message": message}})
            elif body.get("stream"):
                self._stream(turn, body)
            else:
                self._json(200, self._whole(turn, body))
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client was killed in the middle, as some tests do

    def _json(self, status: int, value: dict[str, Any]) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def _head(self, body: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": self.server_of_scripts.next_id(),
            "type": "message",
            "role": "assistant",
            "model": body.get("model", "claude-sonnet-4-5"),
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {
                "input_tokens": 100,
                "cache_creation_input_tokens": 20,
                "cache_read_input_tokens": 1000,
                "output_tokens": 1,
            },
        }

    def _whole(self, turn: Turn, body: dict[str, Any]) -> dict[str, Any]:
        content = [_block(block, self.server_of_scripts.next_id()) for block in turn.blocks]
        return {**self._head(body), "content": content, "stop_reason": _reason(turn)}

    def _stream(self, turn: Turn, body: dict[str, Any]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("cache-control", "no-cache")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        self._event("message_start", {"message": self._head(body)})
        for index, block in enumerate(turn.blocks):
            self._stream_block(index, block, turn)
        usage = {"output_tokens": 30}
        delta = {"stop_reason": _reason(turn), "stop_sequence": None}
        self._event("message_delta", {"delta": delta, "usage": usage})
        self._event("message_stop", {})

    def _stream_block(self, index: int, block: Text | Tool, turn: Turn) -> None:
        whole = _block(block, self.server_of_scripts.next_id())
        if isinstance(block, Text):
            empty: dict[str, Any] = {"type": "text", "text": ""}
            size = max(1, len(block.text) // max(1, block.pieces))
            parts = [block.text[at : at + size] for at in range(0, len(block.text), size)]
            deltas = [{"type": "text_delta", "text": part} for part in parts]
        else:
            empty = {**whole, "input": {}}
            deltas = [{"type": "input_json_delta", "partial_json": json.dumps(block.input)}]
        self._event("content_block_start", {"index": index, "content_block": empty})
        for number, delta in enumerate(deltas):
            self._event("content_block_delta", {"index": index, "delta": delta})
            if turn.hold and index == 0 and number == 0:
                turn.hold.wait(60)
        self._event("content_block_stop", {"index": index})

    def _event(self, kind: str, value: dict[str, Any]) -> None:
        data = json.dumps({"type": kind, **value})
        self.wfile.write(f"event: {kind}\ndata: {data}\n\n".encode())
        self.wfile.flush()


def _block(block: Text | Tool, ident: str) -> dict[str, Any]:
    if isinstance(block, Text):
        return {"type": "text", "text": block.text}
    return {
        "type": "tool_use",
        "id": ident.replace("msg_", "toolu_"),
        "name": block.name,
        "input": block.input,
    }


def _reason(turn: Turn) -> str:
    return "tool_use" if any(isinstance(block, Tool) for block in turn.blocks) else "end_turn"
