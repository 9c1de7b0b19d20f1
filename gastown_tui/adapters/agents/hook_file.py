"""Follows the file that an agent's hooks append to: one JSON line an event, cut at 4,000 bytes.

The agent writes it, so nothing in it is trusted: lines are bounded, what cannot be read is
skipped, and a line that was cut is read for its first fields alone.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import msgspec

from gastown_tui.domain.agents.state import HookEvent

MAX_LINE: Final = 16 * 1024
MAX_READ: Final = 1024 * 1024
"""Bytes of one call; the rest waits for the next."""
_FIELD: Final = re.compile(
    rb'"(hook_event_name|session_id|tool_name|agent_id|source|notification_type)"\s*:\s*'
    rb'"((?:[^"\\]|\\.){0,200})"'
)


class HookFile:
    """Reads what was appended since the last call; a file that was replaced is read anew."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._inode = 0
        self._rest = b""
        self._skipping = False
        self.prompts = 0
        """How many prompts the agent has taken in this file."""

    def read(self, now: float) -> list[HookEvent]:
        """Events of the lines that are complete, oldest first; `now` is stamped on them."""
        try:
            with self.path.open("rb") as file:
                status = self.path.stat()
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._inode, self._offset, self._rest = status.st_ino, 0, b""
                file.seek(self._offset)
                data = file.read(MAX_READ)
        except FileNotFoundError:
            return []
        self._offset += len(data)
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if self._skipping and lines:
            lines.pop(0)
            self._skipping = False
        if len(self._rest) > MAX_LINE:
            self._rest, self._skipping = b"", True
        events = [event for line in lines if (event := parse_line(line, now))]
        self.prompts += sum(1 for event in events if event.name == "UserPromptSubmit")
        return events


def parse_line(line: bytes, now: float) -> HookEvent | None:
    """The event of one line, or None when it is none."""
    if not line.strip() or len(line) > MAX_LINE:
        return None
    fields = _fields(line)
    name = _text(fields, "hook_event_name", 40)
    if not name.isalpha():
        return None
    return HookEvent(
        name=name,
        at=now,
        conversation=_text(fields, "session_id", 64),
        tool=_text(fields, "tool_name", 80),
        kind=_text(fields, "notification_type", 60)
        or _text(fields, "source", 60)
        or _text(fields, "error", 60),
        message=_message(fields),
        sub_agent=bool(fields.get("agent_id")),
    )


def _fields(line: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        head = line.split(b'"tool_input"')[0].split(b'"prompt":')[0]
        return {
            found[1].decode(): found[2].decode("utf-8", "replace")
            for found in _FIELD.finditer(head)
        }
    return value if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], key: str, longest: int) -> str:
    value = fields.get(key)
    return _line(value, longest) if isinstance(value, str) else ""


def _line(text: str, longest: int) -> str:
    plain = "".join(c if c.isprintable() else " " for c in text[: longest * 4])
    return " ".join(plain.split())[:longest]


def _message(fields: dict[str, Any]) -> str:
    """What an event says: a notification's text, the command or file of a tool, an error."""
    for key in ("message", "last_assistant_message", "error_details", "error"):
        if text := _text(fields, key, 200):
            return text
    tool = fields.get("tool_input")
    if not isinstance(tool, dict):
        return ""
    questions = tool.get("questions")
    if isinstance(questions, list) and questions and isinstance(questions[0], dict):
        return _text(questions[0], "question", 200)
    keys = ("command", "file_path", "url", "pattern", "description", "prompt")
    return next((text for key in keys if (text := _text(tool, key, 200))), "")
