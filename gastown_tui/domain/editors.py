"""How editors are told to open a file at a line, and which of them need the terminal."""

from __future__ import annotations

import shlex
from typing import Final

import msgspec

from gastown_tui.domain.errors import BadInput

_COLON: Final = frozenset({"hx", "helix", "subl", "sublime_text", "zed", "zeditor"})
"""FILE:LINE as one word."""
_GOTO: Final = frozenset(
    {"code", "code-insiders", "code-oss", "codium", "vscodium", "cursor", "windsurf", "positron"}
)
"""--goto FILE:LINE."""
_FLAG: Final = frozenset({"idea", "pycharm", "goland", "webstorm", "clion", "rustrover", "mate",
                          "kate", "fleet"})  # fmt: skip
"""--line N FILE."""
_GRAPHICAL: Final = frozenset({"gvim", "mvim", "gedit", "gnome-text-editor", "mousepad", "bbedit",
                               "neovide", "subl", "sublime_text", "zed", "zeditor"})  # fmt: skip
_IN_TERMINAL: Final = frozenset({"-nw", "-t", "-tty", "--tty", "--no-window-system"})


class EditorCall(msgspec.Struct, frozen=True, kw_only=True):
    """A command that opens an editor."""

    argv: tuple[str, ...]
    in_terminal: bool
    """Whether it draws in the terminal that it is started from."""


def editor_call(editor: str, file: str, line: int, *, has_display: bool) -> EditorCall:
    """The command for a file and a line.

    Args:
        editor: VISUAL or EDITOR: a program, perhaps with arguments, quoted as for a shell.
        file: an absolute path, so that it is no option.
        line: from 1.
        has_display: whether windows can be opened.

    Raises:
        BadInput: the editor cannot be read, or the path is not absolute.
    """
    try:
        words = shlex.split(editor)
    except ValueError as error:
        raise BadInput(f"the editor {editor!r} cannot be read: {error}") from None
    if not words:
        raise BadInput("no editor is named", hint="set VISUAL or EDITOR")
    if not file.startswith("/"):
        raise BadInput(f"{file!r} is no absolute path")
    name = words[0].rpartition("/")[2].removesuffix(".exe")
    return EditorCall(
        argv=(*words, *_where(name, file, max(1, line))),
        in_terminal=_in_terminal(name, words[1:], has_display=has_display),
    )


def _where(name: str, file: str, line: int) -> tuple[str, ...]:
    if name in _COLON:
        return (f"{file}:{line}",)
    if name in _GOTO:
        return ("--goto", f"{file}:{line}")
    if name in _FLAG:
        return ("--line", str(line), file)
    if name in {"ed", "open", "xdg-open", "gnome-text-editor"}:
        return (file,)
    # vi, vim, nvim, nano, micro, emacs, emacsclient, kak, joe, mcedit, gedit and most others.
    return (f"+{line}", file)


def _in_terminal(name: str, options: list[str], *, has_display: bool) -> bool:
    if name in _GOTO or name in _FLAG or name in _GRAPHICAL:
        return False
    if name in {"emacs", "emacsclient"}:
        # Emacs opens a window where it can; a client joins a running one unless told otherwise.
        return not has_display or not _IN_TERMINAL.isdisjoint(options)
    return not (name in {"vim", "vimx"} and "-g" in options)
