"""Keys from the bytes of a terminal, bracketed paste included."""

from __future__ import annotations

from typing import NamedTuple

PASTE_START = b"\x1b[200~"
PASTE_END = b"\x1b[201~"
MAX_PASTE = 1 << 20
"""Bytes of one paste; the rest of a longer one is dropped."""

_CONTROL = {
    0x01: "home",
    0x02: "left",
    0x03: "ctrl+c",
    0x04: "ctrl+d",
    0x05: "end",
    0x06: "right",
    0x08: "backspace",
    0x09: "tab",
    0x0A: "newline",
    0x0B: "ctrl+k",
    0x0D: "enter",
    0x0E: "down",
    0x10: "up",
    0x15: "ctrl+u",
    0x17: "ctrl+w",
    0x7F: "backspace",
}
_SEQUENCES = {
    b"A": "up",
    b"B": "down",
    b"C": "right",
    b"D": "left",
    b"H": "home",
    b"F": "end",
    b"3~": "delete",
}


class Key(NamedTuple):
    """One key: its name, or `text` / `paste` with what was typed."""

    name: str
    text: str = ""


class Decoder:
    """Turns chunks of input into keys, whatever the chunks' borders."""

    def __init__(self) -> None:
        self._buffer = b""

    @property
    def pending(self) -> bool:
        """Whether an unfinished sequence waits: a lone Escape, if nothing follows soon."""
        return self._buffer.startswith(b"\x1b") and not self._buffer.startswith(PASTE_START)

    def flush(self) -> list[Key]:
        """What waits, taken for the Escape key."""
        keys = [Key("escape")] if self.pending else []
        self._buffer = b""
        return keys

    def feed(self, data: bytes) -> list[Key]:
        """The keys that are complete with these bytes."""
        self._buffer += data
        keys: list[Key] = []
        while self._buffer:
            found = self._next()
            if found is None:
                break
            key, used = found
            self._buffer = self._buffer[used:]
            if key.name:
                keys.append(key)
        return keys

    def _next(self) -> tuple[Key, int] | None:
        data = self._buffer
        if data.startswith(PASTE_START):
            return self._paste(data)
        if data[0] == 0x1B:
            return _sequence(data)
        if data[0] in _CONTROL:
            return Key(_CONTROL[data[0]]), 1
        if data[0] < 0x20:
            return Key(""), 1
        return _printable(data)

    def _paste(self, data: bytes) -> tuple[Key, int] | None:
        end = data.find(PASTE_END)
        if end < 0:
            if len(data) > MAX_PASTE:
                self._buffer = data[: MAX_PASTE - 64] + data[-16:]
            return None
        text = data[len(PASTE_START) : end].decode("utf-8", "replace")
        return Key("paste", text.replace("\r\n", "\n").replace("\r", "\n")), end + len(PASTE_END)


def _sequence(data: bytes) -> tuple[Key, int] | None:
    if len(data) == 1:
        return None
    if data[1:2] == b"\x1b":
        return Key("escape"), 1
    if data[1:2] not in {b"[", b"O"}:
        return Key(""), 2  # Alt with a key: nothing here answers to it
    for index in range(2, min(len(data), 64)):
        if 0x40 <= data[index] <= 0x7E:
            return Key(_SEQUENCES.get(data[2 : index + 1], "")), index + 1
        if data[index] < 0x20:
            return Key(""), index
    return (Key(""), 64) if len(data) >= 64 else None


def _printable(data: bytes) -> tuple[Key, int] | None:
    end = 0
    while end < len(data) and data[end] >= 0x20 and data[end] != 0x7F:
        end += 1
    try:
        return Key("text", data[:end].decode()), end
    except UnicodeDecodeError as error:
        if error.start > 0:
            return Key("text", data[: error.start].decode()), error.start
        if error.reason == "unexpected end of data" and end == len(data):
            return None
        return Key(""), max(error.end, 1)
