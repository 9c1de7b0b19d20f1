"""Keys, paste, mouse and focus as the bytes that a program expects, by the terminal's modes."""

from __future__ import annotations

import re
import unicodedata
from typing import Any, Final

from gastown_tui.terminal import native
from gastown_tui.terminal.model import Mouse
from gastown_tui.terminal.native import check, ffi, lib

_SHIFT: Final = 1
_CTRL: Final = 2
_ALT: Final = 4

_BRACKETED_PASTE: Final = 2004
_FOCUS: Final = 1004

_NAMED: Final = {
    "enter": "ENTER", "return": "ENTER", "tab": "TAB", "escape": "ESCAPE", "esc": "ESCAPE",
    "backspace": "BACKSPACE", "delete": "DELETE", "insert": "INSERT", "home": "HOME",
    "end": "END", "pageup": "PAGE_UP", "pagedown": "PAGE_DOWN", "up": "ARROW_UP",
    "down": "ARROW_DOWN", "left": "ARROW_LEFT", "right": "ARROW_RIGHT", "space": "SPACE",
    "pause": "PAUSE", "print_screen": "PRINT_SCREEN", "menu": "CONTEXT_MENU",
    **{f"f{number}": f"F{number}" for number in range(1, 26)},
}  # fmt: skip
_PUNCTUATION: Final = {
    "`": "BACKQUOTE", "\\": "BACKSLASH", "[": "BRACKET_LEFT", "]": "BRACKET_RIGHT", ",": "COMMA",
    "=": "EQUAL", "-": "MINUS", ".": "PERIOD", "'": "QUOTE", ";": "SEMICOLON", "/": "SLASH",
    " ": "SPACE",
}  # fmt: skip
# Textual's own names where they are not the Unicode name (textual.keys).
_TEXTUAL: Final = {
    "minus": "-", "plus": "+", "slash": "/", "at": "@", "hash": "#", "pipe": "|",
    "underscore": "_", "dollar": "$", "percent": "%", "caret": "^", "tilde": "~",
}  # fmt: skip
_UNSHIFTED: Final = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./", strict=True))

_WHEEL: Final = {"wheel_up": 4, "wheel_down": 5, "wheel_left": 6, "wheel_right": 7}
_BUTTONS: Final = {1: 1, 2: 3, 3: 2}  # ours to GHOSTTY_MOUSE_BUTTON_LEFT, MIDDLE, RIGHT
_ACTIONS: Final = {"press": 0, "release": 1, "motion": 2}

_PASTE_MARKS: Final = re.compile(r"\x1b\[20[01]~")
_PASTE_CONTROLS: Final = dict.fromkeys([*range(0x09), *range(0x0B, 0x20), *range(0x7F, 0xA0)])


def _character(key: str) -> str:
    """The character that a key name stands for, or an empty string."""
    if len(key) == 1:
        return key
    if key in _TEXTUAL:
        return _TEXTUAL[key]
    try:
        return unicodedata.lookup(key.replace("_", " ").upper())
    except KeyError:
        return ""


def _physical(character: str) -> tuple[str, str]:
    """Name of the key on a US keyboard that types `character`, and what it types without shift."""
    base = _UNSHIFTED.get(character, character.lower())
    if len(base) != 1:
        return "UNIDENTIFIED", character
    if "a" <= base <= "z":
        return base.upper(), base
    if "0" <= base <= "9":
        return f"DIGIT_{base}", base
    return _PUNCTUATION.get(base, "UNIDENTIFIED"), base


def _buffered(call: Any) -> bytes:
    """The bytes of an encoder that reports the size it needs."""
    size, length = 128, ffi.new("size_t*")
    while True:
        buffer = ffi.new("char[]", size)
        code = call(buffer, size, length)
        if code != lib.GHOSTTY_OUT_OF_SPACE:
            break
        size = length[0]
    check(code, "encoding input")
    return bytes(ffi.buffer(buffer, length[0]))


class Keyboard:
    """Encoders of one terminal's input, with their native parts."""

    def __init__(self) -> None:
        self._encoder = ffi.new("GhosttyKeyEncoder*")
        check(lib.ghostty_key_encoder_new(ffi.NULL, self._encoder), "a key encoder")
        self._event = ffi.new("GhosttyKeyEvent*")
        check(lib.ghostty_key_event_new(ffi.NULL, self._event), "a key event")
        self._mouse_encoder = ffi.new("GhosttyMouseEncoder*")
        check(lib.ghostty_mouse_encoder_new(ffi.NULL, self._mouse_encoder), "a mouse encoder")
        self._mouse_event = ffi.new("GhosttyMouseEvent*")
        check(lib.ghostty_mouse_event_new(ffi.NULL, self._mouse_event), "a mouse event")
        self._pressed: set[int] = set()

    def close(self) -> None:
        """Free the native parts."""
        lib.ghostty_key_event_free(self._event[0])
        lib.ghostty_key_encoder_free(self._encoder[0])
        lib.ghostty_mouse_event_free(self._mouse_event[0])
        lib.ghostty_mouse_encoder_free(self._mouse_encoder[0])

    def key(self, terminal: Any, key: str, text: str, modifiers: int) -> bytes:
        """The bytes of one key press; empty for a key that no program can see."""
        *prefixes, name = key.split("+") if len(key) > 1 else [key]
        for prefix in prefixes:
            modifiers |= {"shift": _SHIFT, "ctrl": _CTRL, "alt": _ALT}.get(prefix, 0)
        code, utf8, base = self._resolve(name, text, modifiers)
        if code is None:
            return text.encode()
        event = self._event[0]
        lib.ghostty_key_event_set_action(event, lib.GHOSTTY_KEY_ACTION_PRESS)
        lib.ghostty_key_event_set_key(event, getattr(lib, f"GHOSTTY_KEY_{code}"))
        lib.ghostty_key_event_set_mods(event, modifiers)
        consumed = _SHIFT if utf8 and utf8 != base else 0
        lib.ghostty_key_event_set_consumed_mods(event, consumed & modifiers)
        encoded = ffi.new("char[]", utf8.encode())
        lib.ghostty_key_event_set_utf8(event, encoded, len(utf8.encode()))
        lib.ghostty_key_event_set_unshifted_codepoint(event, ord(base) if base else 0)
        lib.ghostty_key_encoder_setopt_from_terminal(self._encoder[0], terminal)
        return _buffered(
            lambda out, size, length: lib.ghostty_key_encoder_encode(
                self._encoder[0], event, out, size, length
            )
        )

    @staticmethod
    def _resolve(name: str, text: str, modifiers: int) -> tuple[str | None, str, str]:
        """Physical key, the text it types, and what it types without shift."""
        if name in _NAMED:
            space = " " if name == "space" else ""
            return _NAMED[name], space, space
        character = _character(name)
        if len(text) > 1 or not (character or text):  # an input method's word, or nothing we know
            return None, text, ""
        typed = text if text.isprintable() and text else character
        code, base = _physical(typed)
        if modifiers & _SHIFT and typed == base and "a" <= base <= "z":
            typed = base.upper()
        return code, typed, base if len(base) == 1 else ""

    def mouse(self, terminal: Any, mouse: Mouse, cols: int, rows: int) -> bytes:
        """The bytes of one mouse event; empty when the program did not ask for it."""
        event, encoder = self._mouse_event[0], self._mouse_encoder[0]
        wheel = _WHEEL.get(mouse.kind)
        button = wheel or _BUTTONS.get(mouse.button, 0)
        self._track(mouse, button)
        size = ffi.new("GhosttyMouseEncoderSize*")
        size.size = ffi.sizeof("GhosttyMouseEncoderSize")
        size.cell_width, size.cell_height = native.CELL_WIDTH, native.CELL_HEIGHT
        size.screen_width = cols * native.CELL_WIDTH
        size.screen_height = rows * native.CELL_HEIGHT
        setopt = lib.ghostty_mouse_encoder_setopt
        lib.ghostty_mouse_encoder_setopt_from_terminal(encoder, terminal)
        setopt(encoder, lib.GHOSTTY_MOUSE_ENCODER_OPT_SIZE, size)
        pressed = ffi.new("bool*", bool(self._pressed))
        setopt(encoder, lib.GHOSTTY_MOUSE_ENCODER_OPT_ANY_BUTTON_PRESSED, pressed)
        lib.ghostty_mouse_event_set_action(event, _ACTIONS.get(mouse.kind, 0))
        if button:
            lib.ghostty_mouse_event_set_button(event, button)
        else:
            lib.ghostty_mouse_event_clear_button(event)
        mods = mouse.shift * _SHIFT | mouse.ctrl * _CTRL | mouse.alt * _ALT
        lib.ghostty_mouse_event_set_mods(event, mods)
        x = min(max(mouse.x, 0), cols - 1) * native.CELL_WIDTH + native.CELL_WIDTH / 2
        y = min(max(mouse.y, 0), rows - 1) * native.CELL_HEIGHT + native.CELL_HEIGHT / 2
        position = ffi.new("GhosttyMousePosition*", (x, y))
        lib.ghostty_mouse_event_set_position(event, position[0])
        return _buffered(
            lambda out, size, length: lib.ghostty_mouse_encoder_encode(
                encoder, event, out, size, length
            )
        )

    def _track(self, mouse: Mouse, button: int) -> None:
        if mouse.kind == "press" and button:
            self._pressed.add(button)
        elif mouse.kind == "release":
            self._pressed.discard(button)


def encode_paste(terminal: Any, text: str) -> bytes:
    """A paste: line ends as the mode wants them, nothing in it that could act as a key."""
    text = _PASTE_MARKS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    data = text.translate(_PASTE_CONTROLS).encode("utf-8", "replace")
    if native.mode(terminal, _BRACKETED_PASTE):
        return b"\x1b[200~" + data + b"\x1b[201~"
    return data.replace(b"\n", b"\r")


def encode_focus(terminal: Any, *, gained: bool) -> bytes:
    """The report that the focus came or went; empty when the program did not ask."""
    if not native.mode(terminal, _FOCUS):
        return b""
    return b"\x1b[I" if gained else b"\x1b[O"
