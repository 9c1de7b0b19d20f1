"""Markdown of beads as lines: headings, lists, code, quotes and tables, folded to a width.

Parsed by markdown-it; text is data: no HTML, no link is ever followed, no control character stays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.token import Token

from gastown_tui.viewmodels.text import Line, Span, cells, clean, crop, fit

LONGEST: Final = 200_000
"""Characters that are looked at; what is beyond is said to be cut."""
_TAB: Final = "    "

_parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


def markdown(text: str, width: int) -> list[Line]:
    """The lines of a markdown text, each at most `width` cells wide."""
    width = max(8, width)
    tokens = _parser.parse(text[:LONGEST])
    lines = _Writer(width).write(tokens)
    if len(text) > LONGEST:
        lines.append((("too long: the rest is not shown", "warn"),))
    return lines


def flow(spans: Sequence[Span], width: int) -> list[Line]:
    """Spans folded at blanks; a newline in a span is a new line; long words are broken."""
    found: list[Line] = []
    now: list[Span] = []
    used = 0
    for text, role, gap in _words(spans):
        word = text
        if word == "\n":
            found.append(tuple(now))
            now, used = [], 0
            continue
        lead = " " if gap and used else ""
        if used and used + len(lead) + cells(word) > width:
            found.append(tuple(now))
            now, used, lead = [], 0, ""
        while cells(word) > width - used:
            part = _head(word, width - used)
            found.append((*now, (part, role)))
            word, now, used = word[len(part) :], [], 0
        if word:
            now.append((lead + word, role))
            used += len(lead) + cells(word)
    if now:
        found.append(tuple(now))
    return found or [()]


def _head(word: str, width: int) -> str:
    """As much of a word as fits; at least one character."""
    for size in range(min(len(word), max(1, width)), 1, -1):
        if cells(word[:size]) <= width:
            return word[:size]
    return word[:1]


def _words(spans: Sequence[Span]) -> Iterator[tuple[str, str, bool]]:
    """Words with their role, and whether a blank stands before them."""
    gap = False
    for text, role in spans:
        for number, part in enumerate(text.split("\n")):
            if number:
                yield "\n", role, False
                gap = False
            words = clean(part, len(part)).split()
            gap = gap or part[:1].isspace()
            for word in words:
                yield word, role, gap
                gap = True
            gap = part[-1:].isspace() if words else gap or bool(part)


class _Writer:
    """Walks the tokens; what stands before a line is kept as a stack of prefixes."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._lines: list[Line] = []
        self._before: list[tuple[str, str]] = []
        """Of each open list item or quote: its mark for the first line, and for the others."""
        self._fresh: list[bool] = []
        """Of each, whether its first line is still to be written."""
        self._lists: list[int] = []
        """Of each open list: 0 for bullets, else the next number."""

    def write(self, tokens: Sequence[Token]) -> list[Line]:
        """The lines of all tokens, without a blank one at either end."""
        at = 0
        while at < len(tokens):
            token = tokens[at]
            if token.type == "table_open":
                at = self._table(tokens, at)
            else:
                self._take(token, tokens[at - 1] if at else None)
            at += 1
        while self._lines and not self._lines[-1]:
            self._lines.pop()
        return self._lines

    def _take(self, token: Token, before: Token | None) -> None:
        if token.type == "inline":
            is_heading = before is not None and before.type == "heading_open"
            spans = _spans(token, "strong" if is_heading else self._role())
            if is_heading:
                spans = [("#" * int(before.tag[1:] or 1) + " ", "faint"), *spans]  # type: ignore[union-attr]
            self._emit(flow(spans, self._room()))
        elif token.type in {"fence", "code_block"}:
            self._code(token)
        elif token.type == "hr":
            self._emit([(("─" * self._room(), "faint"),)])
            self._blank()
        elif token.type in {"bullet_list_open", "ordered_list_open"}:
            start = token.attrs.get("start", 1) if token.type.startswith("ordered") else 0
            self._lists.append(int(start))
        elif token.type == "list_item_open":
            self._item()
        elif token.type == "blockquote_open":
            self._open("▏ ", "▏ ")
        elif token.type.endswith("_close"):
            self._close(token)

    def _close(self, token: Token) -> None:
        if token.type in {"bullet_list_close", "ordered_list_close"}:
            self._lists.pop()
            if not self._lists:
                self._blank()
        elif token.type in {"list_item_close", "blockquote_close"}:
            if self._fresh[-1]:
                self._emit([()])
            self._before.pop()
            self._fresh.pop()
            if token.type == "blockquote_close":
                self._blank()
        elif token.type == "heading_close" or (
            token.type == "paragraph_close" and not token.hidden
        ):
            self._blank()

    def _role(self) -> str:
        return "muted" if any(mark == "▏ " for mark, _ in self._before) else "text"

    def _open(self, first: str, rest: str) -> None:
        self._before.append((first, rest))
        self._fresh.append(True)

    def _item(self) -> None:
        mark = "• "
        if self._lists[-1]:
            mark = f"{self._lists[-1]}. "
            self._lists[-1] += 1
        self._open(mark, " " * len(mark))

    def _room(self) -> int:
        taken = sum(len(rest) for _, rest in self._before)
        return max(8, self._width - taken)

    def _emit(self, lines: Sequence[Line]) -> None:
        for line in lines:
            lead = ""
            for at, (first, rest) in enumerate(self._before):
                lead += first if self._fresh[at] else rest
                self._fresh[at] = False
            lead = crop(lead, max(0, self._width - 8)) if len(lead) > self._width - 8 else lead
            self._lines.append(((lead, "faint"), *line) if lead else line)

    def _blank(self) -> None:
        if self._lines and self._lines[-1]:
            self._lines.append(())

    def _code(self, token: Token) -> None:
        room = self._room()
        shown = []
        for text in token.content.rstrip("\n").split("\n"):
            bare = text.replace("\t", _TAB)
            depth = len(bare) - len(bare.lstrip(" "))
            words = " " * depth + clean(bare.lstrip(" "), len(bare))
            shown.append((("│ ", "faint"), (crop(words, room - 2), "accent")))
        self._emit(shown)
        self._blank()

    def _table(self, tokens: Sequence[Token], at: int) -> int:
        """Write a table; the place of its last token."""
        rows: list[list[str]] = []
        while tokens[at].type != "table_close":
            if tokens[at].type == "tr_open":
                rows.append([])
            elif tokens[at].type == "inline":
                text = "".join(part for part, _ in _spans(tokens[at], "text"))
                rows[-1].append(clean(text))
            at += 1
        columns = max(map(len, rows), default=0)
        if columns:
            each = max(3, (self._room() - 3 * (columns - 1)) // columns)
            widths = [
                min(each, max((cells(row[n]) for row in rows if n < len(row)), default=1))
                for n in range(columns)
            ]
            for number, row in enumerate(rows):
                role = "text" if number else "strong"
                line: list[Span] = []
                for n, width in enumerate(widths):
                    if n:
                        line.append((" │ ", "faint"))
                    line.append((fit(row[n] if n < len(row) else "", width), role))
                self._emit([tuple(line)])
        self._blank()
        return at


_MARKS: Final = {"strong_open": "strong", "em_open": "strong", "s_open": "faint"}


def _spans(inline: Token, role: str) -> list[Span]:
    """The pieces of an inline token with their roles."""
    found: list[Span] = []
    roles = [role]
    links: list[str] = []
    for token in inline.children or ():
        if token.type in _MARKS:
            roles.append(_MARKS[token.type])
        elif token.type in {"strong_close", "em_close", "s_close"}:
            roles.pop()
        elif token.type == "link_open":
            links.append(str(token.attrs.get("href", "")))
            roles.append("accent")
        elif token.type == "link_close":
            roles.pop()
            target = links.pop()
            if found and target and found[-1][0] != target:
                found.append((f" ({target})", "faint"))
        elif token.type == "code_inline":
            found.append((token.content, "accent"))
        elif token.type == "image":
            found.append((f"[picture: {token.content or token.attrs.get('src', '')}]", "muted"))
        elif token.type in {"softbreak", "hardbreak"}:
            found.append((" " if token.type == "softbreak" else "\n", roles[-1]))
        else:
            found.append((token.content.replace("\n", " "), roles[-1]))
    return found
