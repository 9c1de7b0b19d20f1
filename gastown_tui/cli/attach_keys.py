"""What a person's terminal sends, read back into keys, pastes and mouse events.

Keys travel by name, because the bytes that a program expects for them depend on the modes that it
has set in its own terminal. Formats: xterm's control sequences (ctlseqs, "PC-Style Function
Keys"), bracketed paste (mode 2004), SGR mouse reports (mode 1006). What is not recognised is
passed on as it is.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple, TypeAlias

LEAVE: Final = "ctrl+q"

_PASTE_START: Final = b"\x1b[200~"
_PASTE_END: Final = b"\x1b[201~"
_LONGEST_SEQUENCE: Final = 64
_SEQUENCE: Final = re.compile(rb"\x1b(?:\[([0-?]*)[ -/]*([@-~])|O([ -~]))")
_MOUSE: Final = re.compile(rb"\x1b\[<(\d{1,4});(\d{1,5});(\d{1,5})([Mm])")
_UNFINISHED: Final = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|O)?")

_LETTERS: Final = {
    b"A": "up", b"B": "down", b"C": "right", b"D": "left", b"H": "home", b"F": "end",
    b"P": "f1", b"Q": "f2", b"R": "f3", b"S": "f4",
}  # fmt: skip
_NUMBERS: Final = {
    1: "home", 2: "insert", 3: "delete", 4: "end", 5: "pageup", 6: "pagedown", 7: "home", 8: "end",
    11: "f1", 12: "f2", 13: "f3", 14: "f4", 15: "f5", 17: "f6", 18: "f7", 19: "f8", 20: "f9",
    21: "f10", 23: "f11", 24: "f12",
}  # fmt: skip
_CONTROLS: Final = {
    0x08: "backspace", 0x09: "tab", 0x0D: "enter", 0x1B: "escape", 0x7F: "backspace",
    **{code: f"ctrl+{chr(code + 0x60)}" for code in range(1, 27) if code not in {8, 9, 13}},
}  # fmt: skip


class Pressed(NamedTuple):
    """A key by Textual's name, and the text it prints."""

    key: str
    text: str = ""


class Pasted(NamedTuple):
    """A bracketed paste."""

    text: str


class Moused(NamedTuple):
    """A mouse event, in cells from the top left one."""

    kind: str
    """press, release, move, wheel_up or wheel_down."""
    x: int
    y: int
    button: int = 0
    """1 left, 2 middle, 3 right, 0 none."""
    shift: bool = False
    alt: bool = False
    ctrl: bool = False


class Bytes(NamedTuple):
    """Bytes without a name."""

    data: bytes


Typed: TypeAlias = Pressed | Pasted | Moused | Bytes
"""What a person does at a terminal."""


def _moused(match: re.Match[bytes]) -> Moused | None:
    """The event of an SGR mouse report; None when it is of a button that programs do not know."""
    code, x, y = (int(part) for part in match.groups()[:3])
    button = 0 if code & 3 == 3 else (code & 3) + 1
    kind = "move" if code & 32 else "press" if match[4] == b"M" else "release"
    if code & 64:
        button, kind = 0, {0: "wheel_up", 1: "wheel_down"}.get(code & 3, "")
    if code >= 128 or not kind:
        return None
    held = (bool(code & 4), bool(code & 8), bool(code & 16))
    return Moused(kind, max(0, x - 1), max(0, y - 1), button, *held)


def _modifiers(number: int) -> str:
    bits = max(number - 1, 0)
    parts = [name for bit, name in ((4, "ctrl"), (2, "alt"), (1, "shift")) if bits & bit]
    return "".join(f"{part}+" for part in parts)


def _named(match: re.Match[bytes]) -> str:
    """The key of a complete sequence, or an empty string."""
    parameters, final, single = match.groups()
    if single is not None:
        return _LETTERS.get(single, "")
    if not re.fullmatch(rb"[0-9;]*", parameters):
        return ""
    numbers = [int(part or 1) for part in parameters.split(b";")] if parameters else []
    modifiers = _modifiers(numbers[1]) if len(numbers) > 1 else ""
    if final == b"Z":
        return "shift+tab"
    if final == b"~":
        name = _NUMBERS.get(numbers[0] if numbers else 0, "")
    else:
        name = _LETTERS.get(final, "")
    return modifiers + name if name else ""


def _character(text: str) -> Pressed:
    return Pressed("plus" if text == "+" else "space" if text == " " else text, text)


class KeyReader:
    """Cuts a stream of bytes into keys; what is unfinished waits for more, or for `flush`."""

    def __init__(self) -> None:
        self._held = b""
        self._paste: bytearray | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether an escape sequence is unfinished: perhaps only the escape key was pressed."""
        return bool(self._held) and self._paste is None

    def feed(self, data: bytes) -> list[Typed]:
        """The keys that `data` completes."""
        found: list[Typed] = []
        self._held += data
        while self._held:
            if self._paste is not None:
                if not self._in_paste(found):
                    break
            elif not self._next(found, final=False):
                break
        return found

    def flush(self) -> list[Typed]:
        """Nothing more came: take what is held as it stands."""
        found: list[Typed] = []
        while self._held and self._paste is None:
            self._next(found, final=True)
        return found

    def _in_paste(self, found: list[Typed]) -> bool:
        assert self._paste is not None
        end = self._held.find(_PASTE_END)
        if end >= 0:
            text = bytes(self._paste) + self._held[:end]
            found.append(Pasted(text.decode("utf-8", "replace")))
            self._held, self._paste = self._held[end + len(_PASTE_END) :], None
            return True
        keep = len(_PASTE_END) - 1
        self._paste += self._held[:-keep]
        self._held = self._held[-keep:]
        return False

    def _next(self, found: list[Typed], *, final: bool) -> bool:
        """Take one key from the front of what is held; False if it may be unfinished."""
        held = self._held
        if held[0] == 0x1B:
            return self._escape(found, final=final)
        if held[0] < 0x20 or held[0] == 0x7F:
            name = _CONTROLS.get(held[0])
            found.append(Pressed(name) if name else Bytes(held[:1]))
            self._held = held[1:]
            return True
        for length in range(1, 5):
            try:
                text = held[:length].decode("utf-8")
            except UnicodeDecodeError:
                continue
            found.append(_character(text))
            self._held = held[length:]
            return True
        if len(held) < 4 and not final:
            return False
        found.append(Bytes(held[:1]))
        self._held = held[1:]
        return True

    def _escape(self, found: list[Typed], *, final: bool) -> bool:
        held = self._held
        if held.startswith(_PASTE_START):
            self._held, self._paste = held[len(_PASTE_START) :], bytearray()
            return True
        if match := _MOUSE.match(held):
            event = _moused(match)
            found += [event] if event else []
            self._held = held[match.end() :]
            return True
        if match := _SEQUENCE.match(held):
            name = _named(match)
            found.append(Pressed(name) if name else Bytes(match[0]))
            self._held = held[match.end() :]
            return True
        unfinished = _UNFINISHED.fullmatch(held) and len(held) < _LONGEST_SEQUENCE
        if unfinished and not final:
            return False
        if len(held) > 1 and held[1] != 0x1B:
            rest: list[Typed] = []
            self._held = held[1:]
            self._next(rest, final=True)
            found += [
                Pressed(f"alt+{key.key}") if isinstance(key, Pressed) else key for key in rest
            ]
            return True
        found.append(Pressed("escape"))
        self._held = held[1:]
        return True
