"""The terminal at hand: its size and names, and its answer to one question."""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import termios
import time
import tty
from collections.abc import Mapping
from typing import Final

from gastown_tui.domain.doctor.terminal import TerminalFacts

_ANSWER_S: Final = 0.4
_QUESTION: Final = b"\x1b[?u\x1b[c"
"""Kitty's protocol: which of its flags are on; then what every terminal answers (DA1)."""
_DONE: Final = re.compile(rb"\x1b\[\?[\d;]*c")
_KEYS: Final = re.compile(rb"\x1b\[\?\d+u")
_TRUE_COLOR: Final = 1 << 24


def look(env: Mapping[str, str]) -> TerminalFacts:
    """The terminal of this process."""
    if not (os.isatty(0) and os.isatty(1)):
        return TerminalFacts(is_terminal=False)
    size = os.get_terminal_size(1)
    term = env.get("TERM", "")
    inside = _inside(env)
    prefix = _tmux("show-options", "-gv", "prefix") if inside == "tmux" else ""
    escape = _tmux("show-options", "-sv", "escape-time") if inside == "tmux" else ""
    return TerminalFacts(
        is_terminal=True,
        columns=size.columns,
        rows=size.lines,
        term=term,
        colors=_colors(term, env),
        has_key_protocol=None if term in {"", "dumb"} else _ask(),
        inside=inside,
        tmux_prefix=prefix,
        tmux_escape_ms=int(escape) if escape.isdecimal() else None,
    )


def _inside(env: Mapping[str, str]) -> str:
    for variable, name in (("TMUX", "tmux"), ("ZELLIJ", "zellij"), ("STY", "screen")):
        if env.get(variable):
            return name
    return ""


def _colors(term: str, env: Mapping[str, str]) -> int:
    if env.get("NO_COLOR") or term in {"", "dumb"}:
        return 0
    if env.get("COLORTERM") in {"truecolor", "24bit"} or term.endswith("-direct"):
        return _TRUE_COLOR
    return 256 if "256color" in term or term.startswith("xterm-") else 8


def _tmux(*arguments: str) -> str:
    program = shutil.which("tmux")
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=5,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _ask() -> bool | None:
    """Whether the terminal knows kitty's keys; None when it answers nothing."""
    before = termios.tcgetattr(0)
    said, until = b"", time.monotonic() + _ANSWER_S
    try:
        tty.setcbreak(0, termios.TCSAFLUSH)
        os.write(1, _QUESTION)
        while not _DONE.search(said):
            if not select.select([0], [], [], max(0.0, until - time.monotonic()))[0]:
                return None
            said += os.read(0, 1024)
    except OSError:
        return None  # hung up, or in the background
    finally:
        termios.tcsetattr(0, termios.TCSAFLUSH, before)
    return bool(_KEYS.search(said))
