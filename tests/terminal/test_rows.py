"""Rows read all at once are those that reading cell by cell gives."""

from __future__ import annotations

from unittest import mock

from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.terminal import Terminal, reader

PIECES = st.sampled_from(
    [
        "words of text ", "\x1b[m", "\x1b[31m", "\x1b[1;4:3m", "\x1b[38;2;1;2;3m", "\x1b[7m \x1b[27m", "─" * 5,
        "é", "e\u0301", "\u754c", "\U0001f600", "\U0001f469\u200d\U0001f467", "\U0001d400", "\u200d", "\u2028",
        "\x1b[44m\x1b[K", "\x1b[48;2;9;9;9m\x1b[2K", "\x1b[58;5;3m", "\x1b[5C", "\x1b[3;7H", "\x1b[H", "\x1b[2X",
        "\r\n", "\ufeff", "\xad", "\x1b[8m", "   ",
    ]
)  # fmt: skip
MANY_STYLES = "".join(f"\x1b[38;2;1;{green};0mx" for green in range(256)) + "\x1b[35mlast\x1b[m"


@given(st.lists(PIECES, max_size=40), st.booleans())
@settings(max_examples=300, deadline=None)
def test_at_once_is_cell_by_cell(pieces: list[str], many: bool) -> None:
    terminal = Terminal(40, 12)
    terminal.feed(((MANY_STYLES if many else "") + "".join(pieces)).encode())
    quick = list(terminal.damage().rows.items())
    with mock.patch.object(reader, "_COMPLEX", -1):
        assert quick == [(y, terminal.row(y)) for y, _ in quick]
