"""Rows out of the library's render state.

A row is read in one call as 64-bit cells. Their layout (`ghostty_type_json`, type GhosttyCell):
bits 0-1 content tag, 2-25 content (code point, or a background colour), 26-41 style id, 42-43
width. A style is asked for once per run of equal ids.

Most rows hold single code points of one column in few styles. They are read as one large integer:
shifts and masks then work on all cells at once. The others are read cell by cell.
"""

from __future__ import annotations

import json
import re
import struct
from codecs import utf_32_le_decode
from itertools import groupby
from typing import Any, Final

from gastown_tui import cells
from gastown_tui.cells import Row
from gastown_tui.domain.errors import Unavailable
from gastown_tui.terminal.model import Cursor, CursorShape
from gastown_tui.terminal.native import check, ffi, lib

_TAG_GRAPHEME: Final = 1
_TAG_PALETTE: Final = 2
_WIDE_HEAD: Final = 1
_WIDE_TAIL: Final = 2
_SPACER_HEAD: Final = 3
_CONTENT_SHIFT: Final = 2
_STYLE_SHIFT: Final = 26
_WIDTH_SHIFT: Final = 42
_STYLE_ID: Final = 0xFFFF
_CODEPOINT: Final = 0x1FFFFF
_CONTENT: Final = 0xFFFFFF
_TAG: Final = 3
_LOOK: Final = _STYLE_ID << _STYLE_SHIFT | _TAG
"""Bits that neighbours share if they are of one run."""
_TAIL: Final = _WIDE_TAIL << _WIDTH_SHIFT
_WIDTH: Final = 3 << _WIDTH_SHIFT

_CELLS: Final = int.from_bytes(b"\1\0\0\0\0\0\0\0" * 2000, "little")
"""1 in every cell of the widest row."""
_SIMPLE_STYLES: Final = 0xFF
# A row with one of these bits is read cell by cell: no code point, a wide one, a style id that
# does not fit a byte.
_COMPLEX: Final = _CELLS * (
    _TAG
    | _WIDTH
    | (_STYLE_ID & ~_SIMPLE_STYLES) << _STYLE_SHIFT
    | (_CONTENT & ~_CODEPOINT) << _CONTENT_SHIFT
)
_WIDE: Final = _CELLS * _WIDTH
_STYLED: Final = _CELLS * (_STYLE_ID << _STYLE_SHIFT)
_BEYOND_LATIN: Final = _CELLS * ((_CODEPOINT & ~0xFF) << _CONTENT_SHIFT)
_SAME_STYLE: Final = re.compile(rb"(.)\1*+", re.DOTALL)

_SHAPES: Final[dict[int, CursorShape]] = {0: "bar", 1: "block", 2: "underline", 3: "block"}
_CELLS_RAW: Final = lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS_RAW
_STYLE_CACHE: Final = 4096
# GhosttyStyle from byte 8: two colours (tag, value), the underline's colour, eight flags, line.
_STYLE: Final = struct.Struct("<I4x3B5xI4x3B5x16x8?i")
_FLAGS: Final = (
    cells.BOLD,
    cells.ITALIC,
    cells.FAINT,
    cells.BLINK,
    cells.INVERSE,
    cells.INVISIBLE,
    cells.STRIKE,
    cells.OVERLINE,
)


def check_layout() -> None:
    """Raise `Unavailable` if this build of the library lays its cells out differently."""
    types = json.loads(ffi.string(lib.ghostty_type_json()))["types"]
    bits = types["GhosttyCell"]["bits"]
    found = {name: (field["lsb"], field["width"]) for name, field in bits.items()}
    wanted = {"content_tag": (0, 2), "content": (2, 24), "style_id": (26, 16), "wide": (42, 2)}
    style = {name: field["offset"] for name, field in types["GhosttyStyle"]["fields"].items()}
    expected = {"fg_color": 8, "bg_color": 24, "bold": 56, "overline": 63, "underline": 64}
    if not (wanted.items() <= found.items() and expected.items() <= style.items()):
        raise Unavailable(
            "this build of libghostty-vt lays out its cells in another way",
            hint="install pyghostty 0.1.3",
        )


def _colour(tag: int, first: int, second: int, third: int) -> int:
    if tag == 0:
        return cells.DEFAULT_COLOUR
    return cells.palette(first) if tag == 1 else cells.rgb(first, second, third)


def _pack(raw: bytes) -> int:
    """A style of `cells` out of the bytes of a GhosttyStyle."""
    values = _STYLE.unpack_from(raw, 8)
    attributes = sum(bit for bit, on in zip(_FLAGS, values[8:16], strict=True) if on)
    return cells.pack(_colour(*values[0:4]), _colour(*values[4:8]), attributes, values[16])


def _clean(text: str) -> str:
    """`text` with what is no visible character replaced: a program's cells may hold controls."""
    return "".join(char if char.isprintable() or ord(char) in _JOINERS else " " for char in text)


_JOINERS: Final = {0x200C, 0x200D, *range(0xE0020, 0xE0080)}
"""Format characters that make up emoji and scripts: joiners and flag tags."""


class RowReader:
    """A render state with its iterators: one view of one terminal."""

    def __init__(self) -> None:
        self._state = self._new("GhosttyRenderState*", lib.ghostty_render_state_new)
        self._iterator = self._new(
            "GhosttyRenderStateRowIterator*", lib.ghostty_render_state_row_iterator_new
        )
        self._cells = self._new(
            "GhosttyRenderStateRowCells*", lib.ghostty_render_state_row_cells_new
        )
        self._view = ffi.new("GhosttyCellsView*")
        self._style = ffi.new("GhosttyStyle*")
        self._style.size = ffi.sizeof("GhosttyStyle")
        self._style_bytes = ffi.buffer(self._style)
        self._styles: dict[bytes, int] = {}
        self._y = ffi.new("uint16_t*")
        self._text = ffi.new("uint8_t[]", 1024)
        self._grapheme = ffi.new("GhosttyBuffer*")
        self._grapheme.ptr, self._grapheme.cap = self._text, 1024
        self._cursor = ffi.new("GhosttyRenderStateCursor*")
        self._cursor.size = ffi.sizeof("GhosttyRenderStateCursor")

    @staticmethod
    def _new(ctype: str, make: Any) -> Any:
        out = ffi.new(ctype)
        check(make(ffi.NULL, out), "a render state")
        return out

    def close(self) -> None:
        """Free the native parts."""
        lib.ghostty_render_state_row_cells_free(self._cells[0])
        lib.ghostty_render_state_row_iterator_free(self._iterator[0])
        lib.ghostty_render_state_free(self._state[0])

    def update(self, terminal: Any) -> None:
        """Take over the terminal's screen; what was dirty stays dirty until `changed`."""
        check(lib.ghostty_render_state_update(self._state[0], terminal), "a render update")

    def _rewind(self) -> None:
        key = lib.GHOSTTY_RENDER_STATE_DATA_ROW_ITERATOR
        check(lib.ghostty_render_state_get(self._state[0], key, self._iterator), "rows")

    def changed(self) -> tuple[bool, dict[int, Row]]:
        """Whether all changed, and the changed rows by place; they count as clean from then on."""
        dirty = ffi.new("GhosttyRenderStateDirty*")
        key = lib.GHOSTTY_RENDER_STATE_DATA_DIRTY
        check(lib.ghostty_render_state_get(self._state[0], key, dirty), "damage")
        if dirty[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_FALSE:
            return False, {}
        full = dirty[0] == lib.GHOSTTY_RENDER_STATE_DIRTY_FULL
        rows = dict(enumerate(self.rows())) if full else self._dirty_rows()
        check(lib.ghostty_render_state_clean(self._state[0]), "damage")
        return full, rows

    def _dirty_rows(self) -> dict[int, Row]:
        self._rewind()
        rows: dict[int, Row] = {}
        while lib.ghostty_render_state_row_iterator_next_dirty(self._iterator[0], self._y):
            rows[self._y[0]] = self._read()
        return rows

    def rows(self, first: int = 0, count: int | None = None) -> list[Row]:
        """Rows `first` to `first + count` of the view; fewer where it ends."""
        self._rewind()
        found: list[Row] = []
        y = 0
        while lib.ghostty_render_state_row_iterator_next(self._iterator[0]):
            if y >= first:
                if count is not None and len(found) >= count:
                    break
                found.append(self._read())
            y += 1
        return found

    def torn(self) -> list[tuple[int, int]]:
        """Places (x, y) of half characters: one column of a wide character without the other.

        Cutting the alternate screen narrower leaves them, and no snapshot can hold them.
        """
        self._rewind()
        found: list[tuple[int, int]] = []
        y = 0
        while lib.ghostty_render_state_row_iterator_next(self._iterator[0]):
            bits = self._bits()
            if bits & _WIDE:
                places = _torn(_values(bits), self._view.len, self._wraps())
                found += [(x, y) for x in places]
            y += 1
        return found

    def _wraps(self) -> bool:
        row, wraps = ffi.new("GhosttyRow*"), ffi.new("bool*")
        key = lib.GHOSTTY_RENDER_STATE_ROW_DATA_RAW
        check(lib.ghostty_render_state_row_get(self._iterator[0], key, row), "a row")
        check(lib.ghostty_row_get(row[0], lib.GHOSTTY_ROW_DATA_WRAP, wraps), "a row")
        return bool(wraps[0])

    def cursor(self) -> Cursor:
        """The cursor at the last update."""
        out = self._cursor
        key = lib.GHOSTTY_RENDER_STATE_DATA_CURSOR
        check(lib.ghostty_render_state_get(self._state[0], key, out), "the cursor")
        seen = bool(out.viewport_has_value)
        return Cursor(
            x=out.viewport_x if seen else 0,
            y=out.viewport_y if seen else 0,
            visible=seen and bool(out.visible),
            shape=_SHAPES[out.visual_style],
            blinking=bool(out.blinking),
        )

    def _bits(self) -> int:
        """The cells of the row under the iterator as one integer, the first one lowest."""
        if lib.ghostty_render_state_row_get(self._iterator[0], _CELLS_RAW, self._view):
            raise Unavailable("terminal emulation: cells failed")
        view = self._view
        return int.from_bytes(ffi.buffer(view.ptr, view.len * 8), "little")

    def _read(self) -> Row:
        """The row under the iterator."""
        bits = self._bits()
        if bits & _COMPLEX:
            return self._read_cells(_values(bits))
        text = _text(bits)
        if not bits & _STYLED:
            text = text.rstrip(" ")
            return ((text, 0, len(text)),) if text else ()
        self._bind()
        runs: list[tuple[str, int, int]] = []
        ids = (bits >> _STYLE_SHIFT).to_bytes(8 * len(text), "little")[::8]
        for match in _SAME_STYLE.finditer(ids):
            start, end = match.span()
            style = self._style_at(start) if ids[start] else 0
            _join(runs, text[start:end], style, end - start)
        return _trimmed(runs)

    def _bind(self) -> None:
        """Make `_select` choose cells of the row under the iterator."""
        key = lib.GHOSTTY_RENDER_STATE_ROW_DATA_CELLS
        check(lib.ghostty_render_state_row_get(self._iterator[0], key, self._cells), "row")

    def _read_cells(self, values: tuple[int, ...]) -> Row:
        """The row under the iterator, whatever it holds."""
        runs: list[tuple[str, int, int]] = []
        bound, x = False, 0
        for look, group in groupby(values, _LOOK.__and__):
            part = list(group)
            if look and not bound:
                self._bind()
                bound = True
            self._append(runs, x, look, part)
            x += len(part)
        return _trimmed(runs)

    def _append(self, runs: list[tuple[str, int, int]], x: int, look: int, part: list[int]) -> None:
        tag = look & _TAG
        if tag >= _TAG_PALETTE:
            for value in part:
                content = value >> _CONTENT_SHIFT & _CONTENT
                colour = (
                    cells.palette(content)
                    if tag == _TAG_PALETTE
                    else cells.rgb(content & 0xFF, content >> 8 & 0xFF, content >> 16)
                )
                _join(runs, " ", cells.pack(background=colour), 1)
            return
        if part[0] & _WIDTH == _TAIL and runs:  # the right half of what came before
            text, style, width = runs[-1]
            runs[-1] = (text, style, width + 1)
            del part[0]
            x += 1
            if not part:
                return
        style = self._style_at(x) if look >> _STYLE_SHIFT else 0
        if tag == _TAG_GRAPHEME:
            text = "".join(self._grapheme_at(x + place) for place in range(len(part)))
        else:
            chars = [
                chr(value >> _CONTENT_SHIFT & _CODEPOINT)
                for value in part
                if value & _WIDTH != _TAIL
            ]
            text = "".join(chars).replace("\0", " ")
        _join(runs, text if text.isprintable() else _clean(text), style, len(part))

    def _select(self, x: int) -> None:
        check(lib.ghostty_render_state_row_cells_select(self._cells[0], x), "a cell")

    def _style_at(self, x: int) -> int:
        self._select(x)
        key = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_STYLE
        check(lib.ghostty_render_state_row_cells_get(self._cells[0], key, self._style), "a style")
        raw = self._style_bytes[:]
        style = self._styles.get(raw)
        if style is None:
            if len(self._styles) >= _STYLE_CACHE:
                self._styles.clear()
            style = self._styles[raw] = _pack(raw)
        return style

    def _grapheme_at(self, x: int) -> str:
        self._select(x)
        key = lib.GHOSTTY_RENDER_STATE_ROW_CELLS_DATA_GRAPHEMES_UTF8
        code = lib.ghostty_render_state_row_cells_get(self._cells[0], key, self._grapheme)
        if code == lib.GHOSTTY_OUT_OF_SPACE:  # hundreds of marks on one cell
            return "\N{REPLACEMENT CHARACTER}"
        check(code, "a grapheme")
        text = bytes(ffi.buffer(self._text, self._grapheme.len)).decode("utf-8", "replace")
        return text.rstrip("\N{ZERO WIDTH JOINER}")  # the next cell is a character of its own


def _values(bits: int) -> tuple[int, ...]:
    """The cells of a row, without the empty ones at its end."""
    count = bits.bit_length() + 63 >> 6
    return struct.unpack(f"<{count}Q", bits.to_bytes(count * 8, "little"))


def _text(bits: int) -> str:
    """The code points of a row of single ones, blanks for the empty ones."""
    count = bits.bit_length() + 63 >> 6
    content = (bits >> _CONTENT_SHIFT).to_bytes(count * 8, "little")
    if bits & _BEYOND_LATIN:
        points = bytearray(count * 4)
        points[::4], points[1::4], points[2::4] = content[::8], content[1::8], content[2::8]
        text = utf_32_le_decode(points, "replace")[0]
    else:
        text = content[::8].decode("latin-1")
    text = text.replace("\0", " ")
    return text if text.isprintable() else _clean(text)


def _torn(values: tuple[int, ...], cols: int, wraps: bool) -> list[int]:  # noqa: FBT001
    """The columns of `values`, a row of `cols` cells, that hold half a character."""
    widths = [value >> _WIDTH_SHIFT & 3 for value in values] + [0]
    found: list[int] = []
    for x, width in enumerate(widths):
        if (
            (width == _WIDE_HEAD and widths[x + 1] != _WIDE_TAIL)
            or (width == _WIDE_TAIL and (x == 0 or widths[x - 1] != _WIDE_HEAD))
            or (width == _SPACER_HEAD and not (x + 1 == cols and wraps))
        ):
            found.append(x)
    return found


def _join(runs: list[tuple[str, int, int]], text: str, style: int, width: int) -> None:
    if runs and runs[-1][1] == style:
        before, _, cells_before = runs[-1]
        runs[-1] = (before + text, style, cells_before + width)
    else:
        runs.append((text, style, width))


def _trimmed(runs: list[tuple[str, int, int]]) -> Row:
    """The row without the blanks of style 0 at its end."""
    if runs and runs[-1][1] == 0:
        text, _, width = runs.pop()
        kept = text.rstrip(" ")
        if kept:
            runs.append((kept, 0, width - (len(text) - len(kept))))
    return tuple(runs)


check_layout()
