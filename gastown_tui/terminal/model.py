"""What a terminal hands out: cursor, damage, mouse events."""

from __future__ import annotations

import enum
from typing import Literal, TypeAlias

import msgspec

from gastown_tui.cells import Row

CursorShape: TypeAlias = Literal["block", "bar", "underline"]
MouseKind: TypeAlias = Literal[
    "press", "release", "motion", "wheel_up", "wheel_down", "wheel_left", "wheel_right"
]


class Safety(enum.StrEnum):
    """How much of a program's output reaches the emulation.

    No level passes hyperlinks, images, clipboard access or any string sequence other than
    the listed ones: nothing shown here needs them, and they are where emulators break.
    """

    FULL = "full"
    """Text, CSI and ESC sequences, colour settings, requests for settings and capabilities."""
    NO_HYPERLINKS = "no-hyperlinks"
    """The same without any string sequence (OSC, DCS, APC, PM, SOS)."""
    PLAIN = "plain"
    """Text, CR, LF, BS and TAB alone."""


class Cursor(msgspec.Struct, frozen=True, kw_only=True):
    """Where the cursor stands, in cells from the top left, and how it looks."""

    x: int
    y: int
    visible: bool
    shape: CursorShape
    blinking: bool


class Damage(msgspec.Struct, frozen=True, kw_only=True):
    """What changed since the last look."""

    full: bool
    """Every row is in `rows`; what the screen held before is void (resize, clear, scroll)."""
    rows: dict[int, Row]
    """The changed rows; 0 is the top of the screen."""
    cursor: Cursor


class Mouse(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the mouse over the terminal, `x` and `y` in cells from 0."""

    kind: MouseKind
    x: int
    y: int
    button: int = 0
    """1 left, 2 middle, 3 right, 0 none; without meaning for the wheel."""
    shift: bool = False
    alt: bool = False
    ctrl: bool = False
