"""The terminal of the person who asks."""

from __future__ import annotations

from typing import Final

import msgspec

from gastown_tui.domain.doctor.finding import Finding, ok, warn

LEAST: Final = (80, 24)
SLOW_ESCAPE_MS: Final = 100
OUR_LEAVE_KEY: Final = "ctrl+q"


class TerminalFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen of it."""

    is_terminal: bool
    columns: int = 0
    rows: int = 0
    term: str = ""
    colors: int = 0
    """0 for none (NO_COLOR, a dumb terminal), 8, 256, or 1 << 24."""
    has_key_protocol: bool | None = None
    """Whether it tells ctrl+i from tab and shift+enter from enter; None: it did not say."""
    inside: str = ""
    """`tmux`, `screen` or `zellij`; empty outside of them."""
    tmux_prefix: str = ""
    tmux_escape_ms: int | None = None
    tmux_extended_keys: bool | None = None


def of_terminal(facts: TerminalFacts) -> list[Finding]:
    """Findings about the terminal; about none where there is none."""
    if not facts.is_terminal:
        return [ok("terminal", "none here; the screen needs one, the verbs do not")]
    return [_terminal(facts), *_keys(facts), *_multiplexer(facts)]


def _terminal(facts: TerminalFacts) -> Finding:
    colors = {0: "no colours", 1 << 24: "true colour"}.get(facts.colors, f"{facts.colors} colours")
    text = f"{facts.columns}x{facts.rows}, {facts.term or 'TERM is not set'}, {colors}"
    if facts.term in {"", "dumb"}:
        return warn(
            "terminal", text, "export TERM=xterm-256color; the screen needs a real terminal"
        )
    if facts.columns < LEAST[0] or facts.rows < LEAST[1]:
        return warn("terminal", text, f"make it at least {LEAST[0]}x{LEAST[1]}")
    return ok("terminal", text)


def _keys(facts: TerminalFacts) -> list[Finding]:
    if facts.has_key_protocol is None:
        return []
    if facts.has_key_protocol:
        return [ok("keys", "kitty's protocol: every key can be told from every other")]
    text = "the old encoding: shift+enter is enter, ctrl+i is tab; every action has another key"
    return [ok("keys", text)]


def _multiplexer(facts: TerminalFacts) -> list[Finding]:
    if not facts.inside:
        return []
    if facts.inside != "tmux":
        return [ok(facts.inside, f"the screen runs inside of it; {OUR_LEAVE_KEY} leaves a pane")]
    prefix = facts.tmux_prefix or "C-b"
    text = f"running inside; {prefix} is tmux's, press it twice to send it to an agent"
    if facts.tmux_escape_ms is not None and facts.tmux_escape_ms > SLOW_ESCAPE_MS:
        return [
            warn(
                "tmux",
                f"{text}; Esc takes {facts.tmux_escape_ms} ms",
                "set -sg escape-time 10, in ~/.tmux.conf",
            )
        ]
    if prefix.lower() == "c-q":
        return [
            warn(
                "tmux",
                f"{text}; {OUR_LEAVE_KEY} leaves a pane of ours too",
                "choose another key for `leave` under [keys] in town.toml",
            )
        ]
    return [ok("tmux", text)]
