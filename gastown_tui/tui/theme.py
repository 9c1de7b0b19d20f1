"""Colours: what a role looks like on a surface, and what a terminal's own colours become.

Live widgets paint their own strips, so they must emit direct colours themselves and must honour
NO_COLOR themselves: no filter of Textual's comes after them.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from rich.color import Color, ColorSystem
from rich.style import Style
from textual.theme import Theme

from gastown_tui import cells

_INK: Final = {
    "text": "#c9ccd1",
    "strong": "#eceef1",
    "muted": "#8d939c",
    "faint": "#5d636d",
    "accent": "#7fb4d8",
    "ok": "#86b878",
    "warn": "#d9a441",
    "error": "#e06c75",
    "ask": "#f0a35c",
    "chip": "#14161a",
    "alert": "#14161a",
    "added": "#86b878",
    "removed": "#e06c75",
}
_GROUND: Final = {
    "base": "#14161a",
    "pane": "#0e1013",
    "bar": "#1b1e24",
    "title": "#20242b",
    "active": "#2b3440",
    "live": "#7fb4d8",
    "cursor": "#2f3a47",
    "rest": "#20242b",
    "over": "#23272f",
    "field": "#181b20",
    "added": "#16241a",
    "removed": "#2a181b",
    "gap": "#090a0c",
}
_BOLD: Final = frozenset(("strong", "alert", "chip", "ask"))
_PATCH: Final = {"chip": "accent", "alert": "ask"}
"""Roles that bring a ground of their own: the ink of another role."""
_ANSI: Final = (
    "#2a2e35",
    "#e06c75",
    "#86b878",
    "#d9a441",
    "#6fa3d8",
    "#b48ead",
    "#6fb5b0",
    "#c9ccd1",
    "#5d636d",
    "#f0878f",
    "#a3d193",
    "#f0c674",
    "#8fbdea",
    "#caa6c6",
    "#8fd0cb",
    "#f2f4f7",
)


_FEW: Final = {
    "accent": "cyan",
    "ok": "green",
    "warn": "yellow",
    "error": "red",
    "ask": "yellow",
    "alert": "yellow",
    "added": "green",
    "removed": "red",
}
"""Inks where a terminal has sixteen colours: greys of ours would all be one of its three."""


class Look:
    """Whether there is colour and how much of it, decided once at the start."""

    colour: bool = True
    few: bool = False
    """Only the sixteen of the terminal: those as inks, no grounds of ours."""


def use_colour(*, wanted: bool, few: bool = False) -> None:
    """Paint with colours, with the terminal's own few, or with bold, dim and reverse alone."""
    Look.colour, Look.few = wanted and not few, wanted and few
    role_style.cache_clear()
    pane_style.cache_clear()
    code_style.cache_clear()


@lru_cache(maxsize=1024)
def role_style(role: str, surface: str = "base") -> Style:
    """The style of a role on a surface."""
    if not Look.colour:
        return Style(
            color=_FEW.get(role) if Look.few and surface not in ("live", "cursor") else None,
            bold=role in _BOLD or surface in ("title", "active", "live") or None,
            dim=role in ("faint", "muted") or None,
            reverse=surface in ("live", "cursor") or role in _PATCH or None,
            underline=surface == "rest" or None,
        )
    ground = _INK[_PATCH[role]] if role in _PATCH else _GROUND[surface]
    ink = _INK.get(role, _INK["text"])
    if surface == "live" and role not in _PATCH:
        ink = _INK["chip"]
    if surface == "live" and role == "chip":
        ground, ink = _GROUND["base"], _INK["accent"]
    return Style(color=ink, bgcolor=ground, bold=role in _BOLD or None)


@lru_cache(maxsize=4096)
def code_style(ink: str, surface: str, *, bold: bool = False, italic: bool = False) -> Style:
    """The style of code: an ink of the highlighter (hex, empty for plain) on a surface."""
    if not Look.colour:
        return Style(
            color=_FEW.get(surface) if Look.few else None,
            bold=bold or surface == "added" or None,
            dim=surface == "removed" or None,
        )
    return Style(
        color=ink or _INK["text"],
        bgcolor=_GROUND[surface],
        bold=bold or None,
        italic=italic or None,
    )


@lru_cache(maxsize=512)
def _indexed(index: int) -> Color:
    if index < 16:
        return Color.parse(_ANSI[index])
    if index < 232:
        red, rest = divmod(index - 16, 36)
        green, blue = divmod(rest, 6)
        return Color.from_rgb(*((55 + 40 * part if part else 0) for part in (red, green, blue)))
    grey = 8 + (index - 232) * 10
    return Color.from_rgb(grey, grey, grey)


def _colour(bits: int) -> Color | None:
    kind, value = cells.colour_parts(bits)
    if kind == 1:
        return _indexed(value & 0xFF)
    if kind == 2:
        return Color.from_rgb(value >> 16, value >> 8 & 0xFF, value & 0xFF)
    return None


@lru_cache(maxsize=8192)
def pane_style(style: int) -> Style:
    """A terminal's style (`gastown_tui.cells`) as rich's, in direct colours."""
    ink = _colour(cells.foreground(style)) or Color.parse(_INK["text"])
    ground = _colour(cells.background(style)) or Color.parse(_GROUND["pane"])
    inverse = bool(style & cells.INVERSE)
    if Look.few:
        return _few_style(style)
    if inverse and Look.colour:
        ink, ground = ground, ink
    if style & cells.INVISIBLE:
        ink = ground
    if style & cells.FAINT and Look.colour:
        ink = Color.from_rgb(
            *(
                (part * 3 + back * 2) // 5
                for part, back in zip(ink.get_truecolor(), ground.get_truecolor(), strict=True)
            )
        )
    return Style(
        color=ink if Look.colour else None,
        bgcolor=ground if Look.colour else None,
        bold=bool(style & cells.BOLD) or None,
        dim=(bool(style & cells.FAINT) and not Look.colour) or None,
        italic=bool(style & cells.ITALIC) or None,
        strike=bool(style & cells.STRIKE) or None,
        underline=cells.underline(style) == 1 or cells.underline(style) > 2 or None,
        underline2=cells.underline(style) == 2 or None,
        overline=bool(style & cells.OVERLINE) or None,
        reverse=(inverse and not Look.colour) or None,
    )


def _few_style(style: int) -> Style:
    """A terminal's style with the sixteen colours that its session and ours have in common."""

    def own(bits: int, *, ground: bool = False) -> Color | None:
        kind, value = cells.colour_parts(bits)
        if kind == 1 and value < 16:
            return Color.from_ansi(value)
        found = None if ground else _colour(bits)  # a dark grey ground would become a light one
        return found.downgrade(ColorSystem.STANDARD) if found else None

    hidden = bool(style & cells.INVISIBLE)
    return Style(
        color=own(cells.foreground(style)),
        bgcolor=own(cells.background(style), ground=True),
        bold=bool(style & cells.BOLD) or None,
        dim=bool(style & cells.FAINT) or None,
        underline=cells.underline(style) > 0 or None,
        reverse=bool(style & cells.INVERSE) or None,
        conceal=hidden or None,
    )


def textual_theme() -> Theme:
    """The same colours for Textual's own widgets."""
    return Theme(
        name="gastown",
        primary=_INK["accent"],
        secondary=_INK["muted"],
        warning=_INK["warn"],
        error=_INK["error"],
        success=_INK["ok"],
        accent=_INK["ask"],
        foreground=_INK["text"],
        background=_GROUND["gap"],
        surface=_GROUND["field"],
        panel=_GROUND["over"],
        dark=True,
    )
