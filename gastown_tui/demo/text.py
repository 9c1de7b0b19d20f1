"""Text that fits: cell widths, cleaning, clipping and wrapping of styled lines.

A line is a tuple of pieces, a piece is `(text, sgr)`: `sgr` holds the parameters of one SGR
sequence (`"1;38;5;114"`), empty for the default style.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

Piece: TypeAlias = tuple[str, str]
Line: TypeAlias = tuple[Piece, ...]

ELLIPSIS = "…"
_NARROW_END = 0x1100
"""Below this code point only combining marks are not one cell wide."""


def char_width(char: str) -> int:
    """Cells that one character fills: 0, 1 or 2."""
    code = ord(char)
    if code < 0x300:
        return 1
    import unicodedata  # most text is plain, and start-up is counted

    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0
    if code < _NARROW_END:
        return 1
    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def width(text: str) -> int:
    """Cells that a cleaned text fills."""
    return len(text) if text.isascii() else _wide(text)


@lru_cache(maxsize=256)
def _wide(text: str) -> int:
    # Rules and glyphs come again in every frame.
    return sum(map(char_width, text))


def clean(text: str) -> str:
    """Foreign text without what moves the cursor or joins characters; tabs become four blanks.

    Newlines stay. Format characters (joiners, directions, variation selectors) go, because
    terminals disagree on their width.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(4)
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    import unicodedata

    return "".join(
        char
        for char in text
        if char == "\n"
        or not (
            unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
            or "\ufe00" <= char <= "\ufe0f"
        )
    )


def clip(text: str, columns: int) -> str:
    """The text cut to `columns` cells, with an ellipsis where something was cut."""
    if width(text) <= columns:
        return text
    if columns <= 0:
        return ""
    kept, used = [], 1
    for char in text:
        used += char_width(char)
        if used > columns:
            break
        kept.append(char)
    return "".join(kept) + ELLIPSIS


def clip_line(line: Line, columns: int) -> Line:
    """The line cut to `columns` cells."""
    kept: list[Piece] = []
    for text, sgr in line:
        kept.append((clip(text, columns), sgr))
        columns -= width(text)
        if columns <= 0:
            break
    return tuple(kept)


def wrap(text: str, columns: int) -> list[str]:
    """The text in rows of at most `columns` cells, broken at blanks where there are any."""
    columns = max(columns, 2)
    rows: list[str] = []
    for paragraph in text.split("\n"):
        row, used = "", 0
        for word in _words(paragraph):
            cells = width(word)
            if row and used + width(word.rstrip()) > columns:
                rows.append(row.rstrip())
                row, used = "", 0
            while cells > columns and width(word.rstrip()) > columns:
                head = _head(word, columns)
                rows.append(head)
                word = word[len(head) :]  # noqa: PLW2901 - the rest of the word goes on
                cells = width(word)
            row += word
            used += cells
        rows.append(row.rstrip())
    return rows


def _words(text: str) -> list[str]:
    """The words with the blanks that follow them; leading blanks are a word."""
    words: list[str] = []
    start = 0
    for index in range(1, len(text)):
        if text[index - 1] == " " and text[index] != " ":
            words.append(text[start:index])
            start = index
    if text:
        words.append(text[start:])
    return words


def _head(word: str, columns: int) -> str:
    used = 0
    for index, char in enumerate(word):
        used += char_width(char)
        if used > columns:
            return word[:index]
    return word


def flow(pieces: Line, columns: int, indent: int) -> list[Line]:
    """Pieces as rows of at most `columns` cells; rows after the first start with `indent` blanks.

    The first piece is the head (a bullet): it stays unbroken. Each further piece wraps by itself
    only when the whole does not fit, so short lines keep their styles side by side.
    """
    if sum(width(text) for text, _ in pieces) <= columns and not any(
        "\n" in text for text, _ in pieces
    ):
        return [pieces]
    head, rest = pieces[0], pieces[1:]
    body = "".join(text for text, _ in rest)
    rows = wrap(body, columns - indent)
    lines: list[Line] = []
    offset = 0
    for number, row in enumerate(rows):
        start = body.find(row, offset)
        offset = start + len(row)
        lead: Piece = head if number == 0 else (" " * indent, "")
        lines.append((lead, *_slice(rest, start, offset)))
    return lines


def _slice(pieces: Line, start: int, end: int) -> Line:
    found: list[Piece] = []
    for text, sgr in pieces:
        part = text[max(start, 0) : max(end, 0)]
        if part:
            found.append((part, sgr))
        start -= len(text)
        end -= len(text)
    return tuple(found)


def paint(line: Line) -> str:
    """The line with its SGR sequences, ending in the default style."""
    return "".join(f"\x1b[{sgr}m{text}\x1b[0m" if sgr else text for text, sgr in line)
