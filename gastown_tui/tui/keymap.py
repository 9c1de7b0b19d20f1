"""Keys to actions: the registry's, changed by the overseer's `[keys]`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from textual.keys import format_key

from gastown_tui.tui.actions import ACTIONS, BY_ID

_NAMES: Final = {
    ",": "comma",
    ".": "full_stop",
    "/": "slash",
    ":": "colon",
    "?": "question_mark",
    "*": "asterisk",
    "\\": "backslash",
    "`": "grave_accent",
    "'": "apostrophe",
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "{": "left_curly_bracket",
    "}": "right_curly_bracket",
    "!": "exclamation_mark",
    "@": "at",
    "#": "number_sign",
    "$": "dollar_sign",
    "%": "percent_sign",
    "^": "circumflex_accent",
    "&": "ampersand",
    "-": "minus",
    "+": "plus",
    "=": "equals_sign",
    ";": "semicolon",
    "~": "tilde",
    "|": "vertical_line",
    "_": "underscore",
    "(": "left_parenthesis",
    ")": "right_parenthesis",
    "<": "less_than_sign",
    ">": "greater_than_sign",
    '"': "quotation_mark",
    " ": "space",
    "esc": "escape",
    "return": "enter",
}
_SHORT: Final = {"escape": "esc", "pagedown": "pgdn", "pageup": "pgup", "space": "space"}


def key_name(key: str) -> str:
    """Textual's name of a key as a person writes it: `?`, `ctrl+q`, `esc`, `X`."""
    *modifiers, last = [key] if len(key) == 1 else key.strip().split("+")
    last = _NAMES.get(last, last)
    return "+".join((*(each.lower() for each in modifiers), last))


@lru_cache(maxsize=512)
def key_label(key: str) -> str:
    """A key as the hints write it."""
    *modifiers, last = key.split("+")
    signs = {name: sign for sign, name in _NAMES.items() if len(sign) == 1 and sign != " "}
    plain = signs.get(last) or _SHORT.get(last) or (last if len(last) > 1 else format_key(last))
    if len(last) == 1:
        plain = last
    arrows = {"up": "↑", "down": "↓", "left": "←", "right": "→"}
    return "+".join((*modifiers, arrows.get(last, plain)))


class Keymap:
    """Which key does what, by context; `problems` are one line each."""

    def __init__(self, overrides: Mapping[str, object] | None = None) -> None:
        """`overrides`: action id to keys, a list or a text with blanks; none takes them away."""
        self.problems: list[str] = []
        self.keys: dict[str, tuple[str, ...]] = {each.id: each.keys for each in ACTIONS}
        changed: set[str] = set()
        for name, value in (overrides or {}).items():
            keys = value.split() if isinstance(value, str) else value
            if name not in BY_ID:
                self.problems.append(f"[keys] {name}: there is no such action")
            elif not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
                self.problems.append(f"[keys] {name}: a key or a list of keys is wanted")
            elif name == "pane.leave" and not keys:
                self.problems.append("[keys] pane.leave: one key has to leave the pane")
            else:
                self.keys[name] = tuple(key_name(key) for key in keys if key)
                changed.add(name)
        self._by_context: dict[str, dict[str, str]] = {}
        for action in sorted(ACTIONS, key=lambda each: each.id not in changed):
            taken = self._by_context.setdefault(action.context, {})
            for key in self.keys[action.id]:
                other = taken.setdefault(key, action.id)
                if other != action.id:
                    self._clash(key, action.id, other, quiet=action.id not in changed)

    def _clash(self, key: str, name: str, other: str, *, quiet: bool) -> None:
        self.keys[name] = tuple(each for each in self.keys[name] if each != key)
        if quiet:
            self.problems.append(f"[keys] {key_label(key)} is now {other}; {name} has lost it")
        else:
            self.problems.append(f"[keys] {key_label(key)} is given to {other} and to {name}")

    def action(self, context: str, key: str) -> str:
        """The id of the action on a key; empty when there is none."""
        return self._by_context.get(context, {}).get(key, "")

    def label(self, name: str) -> str:
        """The first key of an action as the hints write it; empty when it has none."""
        keys = self.keys.get(name, ())
        return key_label(keys[0]) if keys else ""

    def labels(self, name: str) -> str:
        """All keys of an action."""
        return " ".join(key_label(key) for key in self.keys.get(name, ()))
