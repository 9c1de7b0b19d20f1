"""`gastown rig add` asks once what agents would ask at every start, and records the answer."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.common import plain, show
from gastown_tui.domain.config import Consent
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from gastown_tui.domain.agents.catalogue import AgentEntry

COMMENTS = """
# [consent]                 # your yes to what an agent's program asks at its start, given for you
# trust = true              # to work in this repository
# trust_rules = true        # to what its own .claude/settings.json allows without asking
# mcp = []                  # its MCP servers that may run; without this key you are asked
# api_key = true            # to use the API key that env_pass or env_file gives
"""
_SHOWN = 5


def is_given(options: Mapping[str, object]) -> bool:
    """Whether the command line says yes to anything."""
    return any(options.get(name) for name in ("trust", "trust_rules", "mcp", "api_key"))


def consent(hub: Path, entry: AgentEntry, options: Mapping[str, object], *, ask: bool) -> Consent:
    """What the overseer agrees to for a rig.

    Args:
        hub: the clone, in which the repository's own settings lie.
        entry: what the rig's agents run.
        options: of the command line; what it leaves open (None) is asked or not recorded.
        ask: there is a person at a terminal.

    Raises:
        BadInput: an MCP server that the repository does not name.
    """
    from gastown_tui.adapters.agents.machine import Machine

    asks = ask and entry.settings == "claude"
    machine = Machine()
    servers, rules = machine.mcp_servers(hub), machine.allowed_by(hub)

    def say(name: str, question: str, *, matters: bool = True) -> bool:
        given = options.get(name)
        if given is None and asks and matters:
            given = click.confirm(question, default=False)
        return bool(given)

    trust = say("trust", "Every agent's program asks whether it may work here: answer yes for you?")
    some = ", ".join(plain(rule) for rule in rules[:_SHOWN]) + (" ..." if rules[_SHOWN:] else "")
    trust_rules = say(
        "trust_rules",
        f"The repository allows its own agents, without asking: {some}. Let that apply?",
        matters=trust and bool(rules),
    )
    mcp = _servers(str(options.get("mcp") or ""), servers, asks=asks)
    has_key = any(name in entry.env_pass for name in entry.keys)
    api_key = say("api_key", "May agents use the API key that you pass them?", matters=has_key)
    given = Consent(trust=trust, trust_rules=trust_rules, mcp=mcp, api_key=api_key)
    if given == Consent():
        return given
    at = time.strftime("%Y-%m-%d")
    return Consent(trust=trust, trust_rules=trust_rules, mcp=mcp, api_key=api_key, by=_who(), at=at)


def _who() -> str:
    return plain(os.environ.get("USER") or os.environ.get("LOGNAME") or "overseer")


def _servers(wanted: str, servers: list[str], *, asks: bool) -> list[str] | None:
    if not wanted and asks and servers:
        names = ", ".join(plain(one) for one in servers)
        show(f"The repository brings MCP servers along: {names}.")
        wanted = click.prompt("Which may run? (all, none, or names)", default="none")
    if not wanted:
        return None
    if wanted in {"all", "none"}:
        return list(servers) if wanted == "all" else []
    chosen = wanted.replace(",", " ").split()
    strange = [one for one in chosen if one not in servers]
    if strange:
        known = ", ".join(servers) or "it brings none along"
        raise BadInput(f"{strange[0]!r} is no MCP server of the repository", hint=known)
    return chosen


def is_person() -> bool:
    """Whether somebody sits at this terminal, outside every session."""
    from gastown_tui.adapters.callers import calling_session

    is_terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return is_terminal and calling_session(os.getpid()) is None


def as_toml(given: Consent) -> str:
    """The table for `rig.toml`; comments when nothing was agreed to."""
    if given == Consent():
        return COMMENTS
    values = {name: getattr(given, name) for name in given.__struct_fields__}
    lines = [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]
    head = "[consent]                   # your yes to what agents' programs ask at their start"
    return "\n".join(["", head, *lines, ""])


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def in_words(given: Consent) -> str:
    """What was agreed to, for an event; empty for nothing."""
    said = [
        text
        for is_said, text in (
            (given.trust, "trust in the repository"),
            (given.trust_rules, "the permissions that it gives itself"),
            (bool(given.mcp), f"its MCP servers {', '.join(given.mcp or [])}"),
            (given.api_key, "the use of the API key"),
        )
        if is_said
    ]
    return f"{given.by} said yes once for all sessions to {'; '.join(said)}" if said else ""
