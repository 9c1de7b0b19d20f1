"""Rows of a terminal as they travel between processes: runs of equally styled text.

A style is one unsigned 64-bit integer, so that a run packs small, compares fast and keys a cache:

====== ==================================================================================
bits   meaning
====== ==================================================================================
0-25   foreground: 24 bits of value, 2 bits of kind (0 default, 1 palette index, 2 RGB)
26-51  background, the same
52-59  bold, faint, italic, inverse, strike, blink, invisible, overline
60-62  underline: 0 none, 1 single, 2 double, 3 curly, 4 dotted, 5 dashed
====== ==================================================================================

The default style is 0.
"""

from __future__ import annotations

from typing import Final, TypeAlias

Run: TypeAlias = tuple[str, int, int]
"""Text, style, and the number of terminal cells that the text fills."""
Row: TypeAlias = tuple[Run, ...]
"""The runs of one line from the left; what lies right of the last run is blank in style 0."""

DEFAULT_COLOUR: Final = 0
BOLD: Final = 1 << 52
FAINT: Final = 1 << 53
ITALIC: Final = 1 << 54
INVERSE: Final = 1 << 55
STRIKE: Final = 1 << 56
BLINK: Final = 1 << 57
INVISIBLE: Final = 1 << 58
OVERLINE: Final = 1 << 59
UNDERLINE_SHIFT: Final = 60
UNDERLINE_MASK: Final = 7

_KIND_SHIFT: Final = 24
_COLOUR_MASK: Final = (1 << 26) - 1
_BACKGROUND_SHIFT: Final = 26


def palette(index: int) -> int:
    """The 26 bits of a palette colour, `index` 0 to 255."""
    return 1 << _KIND_SHIFT | (index & 0xFF)


def rgb(red: int, green: int, blue: int) -> int:
    """The 26 bits of a direct colour, each part 0 to 255."""
    return 2 << _KIND_SHIFT | (red & 0xFF) << 16 | (green & 0xFF) << 8 | (blue & 0xFF)


def pack(
    foreground: int = DEFAULT_COLOUR,
    background: int = DEFAULT_COLOUR,
    attributes: int = 0,
    underline: int = 0,
) -> int:
    """A style from two 26-bit colours, attribute bits (`BOLD | ...`) and an underline kind."""
    return (
        foreground
        | background << _BACKGROUND_SHIFT
        | attributes
        | (underline & UNDERLINE_MASK) << UNDERLINE_SHIFT
    )


def foreground(style: int) -> int:
    """The 26 bits of the foreground."""
    return style & _COLOUR_MASK


def background(style: int) -> int:
    """The 26 bits of the background."""
    return style >> _BACKGROUND_SHIFT & _COLOUR_MASK


def underline(style: int) -> int:
    """The kind of underline, 0 to 5."""
    return style >> UNDERLINE_SHIFT & UNDERLINE_MASK


def colour_parts(colour: int) -> tuple[int, int]:
    """Kind (0 default, 1 palette, 2 RGB) and value of 26 colour bits."""
    return colour >> _KIND_SHIFT, colour & 0xFFFFFF


def row_text(row: Row) -> str:
    """The row's text without its trailing blanks."""
    return "".join(run[0] for run in row).rstrip()
