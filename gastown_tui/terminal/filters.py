"""The gate in front of the emulation: what of a program's bytes reaches the native library.

A streaming machine after the VT500 parser (vt100.net/emu/dec_ansi_parser), with three rules:

- Text and complete simple sequences go through untouched, found by one regular expression, so
  that plain output costs next to nothing.
- Every other sequence is held here until it ends, bounded, and goes on whole or not at all: the
  library is never left inside one, nor inside a character. Titles, progress and notifications
  are read here; few strings go further. Hyperlinks (OSC 8) never do: moved about by scroll
  regions they make libghostty abort the process.
- A number over 9999 becomes 9999, but in colours (CSI m): no screen is that large, and a few
  bytes must not buy seconds of work.

How the bytes are cut into calls never matters.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from gastown_tui.terminal.model import Safety
from gastown_tui.terminal.reports import Reports

HELD_BYTES: Final = 4096
"""Longest sequence that is read; a longer one is skipped to its end."""
SKIP_BYTES: Final = 65_536
"""A string that has no end by then is given up, and what follows is text again."""

_GROUND: Final = 0
_ESC: Final = 1
_CSI: Final = 2
_INTERMEDIATE: Final = 3  # ESC and intermediates
_OSC: Final = 4
_DCS: Final = 5
_STRING: Final = 6  # APC, PM, SOS

_ESCAPE: Final = 0x1B
_ABORT: Final = (0x18, 0x1A)  # CAN, SUB
_INTRODUCERS: Final = {
    0x5B: _CSI,
    0x5D: _OSC,
    0x50: _DCS,
    0x58: _STRING,
    0x5E: _STRING,
    0x5F: _STRING,
}

# An ESC that does not start a complete simple sequence with numbers of up to four digits, or that
# sets one of the modes that are refused. What is most frequent comes first: sequences of a few
# characters, and colours, whose numbers the library bounds by itself.
_SPECIAL: Final = re.compile(
    rb"\x1b(?!\[(?:"
    rb"[0-9;]{0,4}+[A-Za-z]"
    rb"|[0-9;:]*+m"
    rb"|(?:[<->]|\?(?!(?:[0-9;]*;)?0*(?:69|2027)[;h]))?+"
    rb"[0-9]{0,4}+(?:[;:][0-9]{0,4}+)*+[ -/]*+[@-~])"
    rb"|[ -/]*+[0-OQ-WYZ\\`-~])"
)
_REFUSED: Final = frozenset({b"69", b"2027"})
"""Private modes: left and right margins, and grapheme clusters. The library's own code for a
character that meets half of a wide one, which margins leave behind, ends the process."""
_ENDS: Final = {
    _CSI: re.compile(rb"[@-~\x18\x1a\x1b]"),
    _INTERMEDIATE: re.compile(rb"[0-~\x18\x1a\x1b]"),
    _OSC: re.compile(rb"[\x07\x18\x1a\x1b]"),
    _DCS: re.compile(rb"[\x18\x1a\x1b]"),
    _STRING: re.compile(rb"[\x18\x1a\x1b]"),
}

_CONTROLS: Final = bytes(range(0x20))
_NOT_CONTROLS: Final = bytes(range(0x20, 0x100))
_NOT_PARAMETERS: Final = bytes(set(range(0x100)) - set(range(0x20, 0x40)))
_NOT_PLAIN: Final = bytes(set(range(0x20)) - {0x08, 0x09, 0x0A, 0x0D} | {0x7F})
_LONG_NUMBER: Final = re.compile(rb"\d{5,}")

# Colours: set, ask, reset. The rows carry palette indices, so this only serves the answers.
_OSC_TO_LIBRARY: Final = re.compile(rb"(?:4|10|11|12|104|110|111|112)(?:;[ -~]{0,256})?")
# DECRQSS and XTGETTCAP: questions with bounded answers.
_DCS_TO_LIBRARY: Final = re.compile(rb"[$+]q[!-~]{0,256}")


class FilterState(NamedTuple):
    """Where the machine stands between two calls; part of a snapshot."""

    mode: int = _GROUND
    held: bytes = b""
    seen: int = 0
    """Bytes of the sequence under way."""
    tail: bytes = b""
    """The first bytes of a character whose last ones have not come."""


def _unfinished(data: bytes) -> int:
    """How many bytes at the end of `data` start a UTF-8 character that is not complete."""
    for back in range(1, min(4, len(data) + 1)):
        byte = data[-back]
        if byte < 0x80 or byte >= 0xF5:
            return 0
        if byte >= 0xC0:
            return back if back < (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) else 0
    return 0


def _clamp(match: re.Match[bytes]) -> bytes:
    number = match[0].lstrip(b"0") or b"0"
    return number if len(number) < 5 else b"9999"


class Filter:
    """The gate of one terminal."""

    def __init__(self, safety: Safety, reports: Reports, state: FilterState | None = None) -> None:
        self._plain = safety is Safety.PLAIN
        self._strings = safety is Safety.FULL
        self._reports = reports
        self._mode, held, self._seen, self._tail = state or FilterState()
        self._held = bytearray(held)
        self._out: list[bytes] = []

    @property
    def state(self) -> FilterState:
        """Where the machine stands."""
        return FilterState(self._mode, bytes(self._held), self._seen, self._tail)

    def feed(self, data: bytes) -> bytes:
        """What of `data`, and of what was held before, goes to the library now.

        It ends between characters and between sequences.
        """
        out = self._pass(data)
        if self._tail:
            out = self._tail + out
            self._tail = b""
        if out and out[-1] >= 0x80 and (open_bytes := _unfinished(out)):
            self._tail = out[-open_bytes:]
            out = out[:-open_bytes]
        return out

    def _pass(self, data: bytes) -> bytes:
        if self._mode == _GROUND and not self._plain and not _SPECIAL.search(data):
            return data
        position, end = 0, len(data)
        while position < end:
            if self._mode == _GROUND:
                position = self._ground(data, position)
            elif self._mode == _ESC:
                position = self._escape(data, position)
            else:
                position = self._sequence(data, position)
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _ground(self, data: bytes, position: int) -> int:
        if self._plain:
            found = data.find(b"\x1b", position)
        else:
            match = _SPECIAL.search(data, position)
            found = match.start() if match else -1
        text = data[position:] if found < 0 else data[position:found]
        self._out.append(text.translate(None, _NOT_PLAIN) if self._plain else text)
        if found < 0:
            return len(data)
        self._mode = _ESC
        return found + 1

    def _emit(self, sequence: bytes) -> None:
        if not self._plain:
            self._out.append(sequence)

    def _escape(self, data: bytes, position: int) -> int:
        byte = data[position]
        if byte in _INTRODUCERS:
            self._begin(_INTRODUCERS[byte])
        elif byte == _ESCAPE or byte >= 0x7F:
            pass
        elif byte in _ABORT:
            self._mode = _GROUND
        elif byte < 0x20:  # a control acts at once, the sequence goes on
            self._emit(data[position : position + 1])
        elif byte < 0x30:
            self._begin(_INTERMEDIATE)
            return position
        else:
            self._emit(b"\x1b" + data[position : position + 1])
            self._mode = _GROUND
        return position + 1

    def _begin(self, mode: int) -> None:
        self._mode, self._seen = mode, 0
        self._held.clear()

    def _sequence(self, data: bytes, position: int) -> int:
        """One stretch of a sequence, up to its end or the end of `data`."""
        limit = position + SKIP_BYTES - self._seen
        match = _ENDS[self._mode].search(data, position, limit)
        stop = match.start() if match else min(len(data), limit)
        part = data[position:stop]
        self._seen += len(part)
        if self._mode in {_CSI, _INTERMEDIATE}:  # controls act at once, the rest is ignored
            self._emit(part.translate(None, _NOT_CONTROLS))
            part = part.translate(None, _NOT_PARAMETERS)
        if self._mode != _STRING:
            self._held += part[: HELD_BYTES + 1 - len(self._held)]
        if match:
            self._end(match[0])
            return stop + 1
        if self._seen >= SKIP_BYTES:
            self._begin(_GROUND)
        return stop

    def _end(self, last: bytes) -> None:
        mode, held = self._mode, bytes(self._held)
        self._begin(_ESC if last == b"\x1b" else _GROUND)
        if last[0] in _ABORT or len(held) > HELD_BYTES:
            return
        if mode == _OSC:
            self._osc(held.translate(None, _CONTROLS))
        elif mode == _DCS:
            if last == b"\x1b" and self._strings and _DCS_TO_LIBRARY.fullmatch(held):
                self._emit(b"\x1bP" + held + b"\x1b\\")
        elif mode in {_CSI, _INTERMEDIATE} and last != b"\x1b":
            start = b"\x1b[" if mode == _CSI else b"\x1b"
            if last != b"m":
                held = _LONG_NUMBER.sub(_clamp, held)
            if mode == _CSI and last == b"h" and held.startswith(b"?"):
                modes = held[1:].split(b";")
                held = b"?" + b";".join(m for m in modes if m.lstrip(b"0") not in _REFUSED)
            self._emit(start + held + last)

    def _osc(self, body: bytes) -> None:
        if self._strings and _OSC_TO_LIBRARY.fullmatch(body):
            self._emit(b"\x1b]" + body + b"\x1b\\")
        else:
            self._reports.osc(body)
