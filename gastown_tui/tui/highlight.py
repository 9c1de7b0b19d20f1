"""Colours of code for the lines of a diff, worked out when a line is first seen."""

from __future__ import annotations

from typing import Final, TypeAlias

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_for_filename
from pygments.token import Token, _TokenType
from pygments.util import ClassNotFound

from gastown_tui.viewmodels.diff import Diff, visible

Piece: TypeAlias = tuple[str, str, bool, bool]
"""Text, ink (hex, empty for plain), bold, italic."""
_INKS: Final[tuple[tuple[_TokenType, str, bool, bool], ...]] = (
    (Token.Comment, "#7a8490", False, True),
    (Token.Literal.String.Doc, "#7a8490", False, True),
    (Token.Literal.String, "#a9c28a", False, False),
    (Token.Literal.Number, "#d8a06a", False, False),
    (Token.Keyword.Constant, "#d8a06a", False, False),
    (Token.Keyword, "#b79ad6", False, False),
    (Token.Operator.Word, "#b79ad6", False, False),
    (Token.Name.Function, "#7fb4d8", False, False),
    (Token.Name.Class, "#e0c07a", False, False),
    (Token.Name.Decorator, "#e0c07a", False, False),
    (Token.Name.Builtin, "#6fb5b0", False, False),
    (Token.Name.Tag, "#7fb4d8", False, False),
    (Token.Name.Attribute, "#e0c07a", False, False),
    (Token.Punctuation, "#9aa1ab", False, False),
    (Token.Generic.Heading, "#7fb4d8", True, False),
)
_LONGEST: Final = 500
"""Characters of a line that are coloured; a longer one is data, not code."""


class Highlighter:
    """Lexes a line at a time: fast and lazy, at the price of strings over several lines."""

    def __init__(self, diff: Diff) -> None:
        self._diff = diff
        self._lexers: dict[int, Lexer | None] = {}
        self._kinds: dict[_TokenType, tuple[str, bool, bool]] = {}

    def _lexer(self, file: int) -> Lexer | None:
        if file not in self._lexers:
            try:
                name = self._diff.files[file].path.rsplit("/", 1)[-1]
                self._lexers[file] = get_lexer_for_filename(name, stripnl=False, ensurenl=False)
            except ClassNotFound:
                self._lexers[file] = None
        return self._lexers[file]

    def _ink(self, kind: _TokenType) -> tuple[str, bool, bool]:
        found = self._kinds.get(kind)
        if found is None:
            matches = (rest for base, *rest in _INKS if kind in base)
            ink, bold, italic = next(matches, ["", False, False])
            found = self._kinds[kind] = (str(ink), bool(bold), bool(italic))
        return found

    def line(self, at: int) -> tuple[Piece, ...]:
        """The pieces of a row's text, invisible marks made visible."""
        row = self._diff.rows[at]
        text = visible(row.text)
        lexer = self._lexer(row.file) if len(text) <= _LONGEST else None
        if lexer is None or not text:
            return ((text, "", False, False),)
        pieces: list[Piece] = []
        for kind, raw in lexer.get_tokens(text):
            ink = self._ink(kind)
            part = raw.replace("\n", "")
            if not part:
                continue
            if pieces and pieces[-1][1:] == ink:
                pieces[-1] = (pieces[-1][0] + part, *ink)
            else:
                pieces.append((part, *ink))
        return tuple(pieces)
