"""What is still whole in lines that are no beads.

Found are beads between other text: two on one line because a newline was lost, one behind the rest
of a line that was cut off, one behind zeros, one spread over several lines by a formatter. Beads
whose text cannot be JSON as it stands (bytes that are not UTF-8, control characters, half a
surrogate pair, NaN) are *mended*: what stands for no character is written as U+FFFD or null. A bead
that was cut off is never guessed at: what it lacks would look like an edit.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_TRIES: Final = 100_000
_MOST_WORK: Final = 64_000_000
"""Characters looked at in one run of bad lines; what lies behind is left unread."""
_HALVES: Final = re.compile("[\ud800-\udfff]")
_BETWEEN: Final = "[], \t\r\n\x00\ufeff"
"""What may stand around beads without being worth keeping."""
_SIGNS: Final = ("created_at", "updated_at", "status", "issue_type")
"""A bead within other text has one of these beside its title; edges and comments have not."""


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """One bead that was found."""

    line: bytes
    mended: bool
    """Whether anything had to be replaced."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Some of the bad lines and what is in them."""

    first: int
    """Index of its first line among the lines given."""
    last: int
    beads: tuple[Whole, ...]
    rest: bytes
    """What is not in the beads as it stood; empty when that is nothing."""


def _finite(text: str) -> float | None:
    value = float(text)
    return value if math.isfinite(value) else None


_decoder: Final = json.JSONDecoder(strict=False, parse_constant=lambda _: None, parse_float=_finite)


def salvage(lines: Sequence[bytes]) -> list[Part]:
    """Cut adjacent bad lines into parts; each line is in exactly one of them."""
    text = b"\n".join(lines).decode("utf-8", "surrogateescape")
    parts: list[Part] = []
    done = position = 0
    for spans in _grouped(text, _spans(text)):
        first = done + text.count("\n", position, spans[0][0])
        last = first + text.count("\n", spans[0][0], spans[-1][1])
        parts += (_lost(index, line) for index, line in enumerate(lines[done:first], start=done))
        start, end = text.rfind("\n", 0, spans[0][0]) + 1, text.find("\n", spans[-1][1])
        position = len(text) if end < 0 else end + 1
        parts.append(_part(text, (start, position), (first, last), spans))
        done = last + 1
    parts += (_lost(index, line) for index, line in enumerate(lines[done:], start=done))
    return parts


def _lost(index: int, line: bytes) -> Part:
    return Part(first=index, last=index, beads=(), rest=line)


def _spans(text: str) -> list[tuple[int, int]]:
    """Start and end of every bead in the text."""
    found: list[tuple[int, int]] = []
    position = tries = work = 0
    while tries < _MOST_TRIES and work < _MOST_WORK:
        start = text.find("{", position)
        if start < 0:
            break
        tries += 1
        try:
            value, end = _decoder.raw_decode(text, start)
        except json.JSONDecodeError as error:
            work += error.pos - start
            position = start + 1
            continue
        except (RecursionError, ValueError):
            work += 50_000  # it is slow, and one such place leads to the next
            position = start + 1
            continue
        if _is_bead(value) and (_has_signs(value) or _is_alone(text, start, end)):
            found.append((start, end))
        work += end - start
        position = end
    return found


def _is_bead(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str) and bool(value["id"])


def _has_signs(value: dict[str, Any]) -> bool:
    """Whether it is a bead wherever it stands; an edge or a comment of one is not."""
    return isinstance(value.get("title"), str) and any(sign in value for sign in _SIGNS)


def _is_alone(text: str, start: int, end: int) -> bool:
    """Whether it stands on its line by itself."""
    first, last = text.rfind("\n", 0, start) + 1, text.find("\n", end)
    around = text[first:start] + text[end : last if last >= 0 else len(text)]
    return not around.strip(_BETWEEN)


def _grouped(text: str, spans: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Spans that share a line, together."""
    groups: list[list[tuple[int, int]]] = []
    for start, end in spans:
        if groups and "\n" not in text[groups[-1][-1][1] : start]:
            groups[-1].append((start, end))
        else:
            groups.append([(start, end)])
    return groups


def _part(
    text: str, around: tuple[int, int], place: tuple[int, int], spans: list[tuple[int, int]]
) -> Part:
    """The part of some spans.

    Args:
        text: all of it.
        around: where in it the lines of the spans begin and end.
        place: the first and the last of these lines.
        spans: of the beads.
    """
    beads = [_whole(text[start:end]) for start, end in spans]
    whole = tuple(bead for bead in beads if bead is not None)
    rest = text[slice(*around)]
    if len(whole) == len(beads) and not any(bead.mended for bead in whole):
        edges = [around[0], *(edge for span in spans for edge in span), around[1]]
        gaps = zip(edges[::2], edges[1::2], strict=True)
        rest = "".join(text[start:end].strip(_BETWEEN) for start, end in gaps)
    return Part(
        first=place[0],
        last=place[1],
        beads=whole,
        rest=rest.removesuffix("\n").encode("utf-8", "surrogateescape"),
    )


def _whole(text: str) -> Whole | None:
    """The bead of a text as one line; None when nothing can be made of it."""
    line = "".join(part.strip() for part in text.split("\n")) if "\n" in text else text
    if _is_strict(text) and is_line(data := line.encode("utf-8", "surrogateescape")):
        return Whole(line=data, mended=False)
    value, _ = _decoder.raw_decode(text)
    fresh = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    data = _HALVES.sub("\ufffd", fresh).encode()
    return Whole(line=data, mended=True) if is_line(data) else None


def _is_strict(text: str) -> bool:
    """Whether no text in it holds a control character, a newline of the file included."""
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def is_line(data: bytes) -> bool:
    """Whether this is a bead's line as it stands."""
    try:
        data.decode()
        return bool(decode(data).id)
    except ValueError:
        return False
