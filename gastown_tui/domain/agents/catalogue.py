"""Catalogue entries: everything that differs from one coding agent to the next, as data.

Shipped entries are TOML files; a table `[agents.NAME]` of `town.toml` changes one of them or adds
another, from nothing or on top of a `base`. Keys that nobody knows are errors with the closest
known key, because a misspelt `env_pass` would otherwise silently bill another account.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from gastown_tui.domain.errors import BadInput

State = Literal[
    "starting",
    "working",
    "parked",
    "waiting",
    "idle",
    "stalled",
    "error",
    "paused",
    "stopped",
    "exited",
]
"""What an agent is doing; `parked` is idle beside background work of its own."""
Region = Literal["title", "progress", "screen", "bottom", "above_prompt", "prompt", "footer"]

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET_NAME: Final = re.compile(r"(^|_)(KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS?)$", re.I)
_SECRET_VALUE: Final = re.compile(r"(sk-|gh[pousr]_|github_pat_|xox[abp]-|AKIA|AIza|eyJ)\S{8,}")
_UNKNOWN: Final = re.compile(r"unknown field `(?P<key>[^`]*)`(?: - at `(?P<path>[^`]*)`)?")


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table whose keys are all known."""


class Rule(_Table, frozen=True, kw_only=True):
    """One way to read a state off the terminal; the first rule that fits wins."""

    state: Literal["starting", "working", "parked", "waiting", "idle", "error"]
    needs: str = ""
    """For waiting: permission, question or dialog; for error: auth, limit or api."""
    region: Region = "bottom"
    """Where to look: the title, the progress (`none`, `busy`, `error`, 0 to 100), all rows, the
    last rows with text, the rows above the prompt box, in it, or below it."""
    lines: int = 8
    """How many rows with text of the region count, from the bottom."""
    contains: list[str] = []
    """Any of these texts, letter case ignored."""
    regex: str = ""
    """And this, searched for row by row."""
    without: list[str] = []
    """And none of these texts in the region."""
    over_busy: bool = False
    """For error: counts even while the program's own files say that it works."""


class Ready(_Table, frozen=True, kw_only=True):
    """How long a start may take, and when silence means something."""

    grace_s: float = 30.0
    """Seconds after the start in which an unreadable agent is `starting`."""
    start_s: float = 120.0
    """Seconds after the start in which it must have shown that it is ready, by a hook, a session
    file, a title or a prompt box; else it is an error for a person to look at."""
    quiet_s: float = 4.0
    """Without any better sign, so many seconds of silence mean idle."""
    stall_s: float = 900.0
    """Working without progress for so long is stalled."""
    hook_fresh_s: float = 120.0
    """How long a hook's word holds when nothing better is known."""


class Typing(_Table, frozen=True, kw_only=True):
    """How text is handed to the agent's prompt."""

    glyphs: list[str] = msgspec.field(default_factory=lambda: ["❯", ">", "›"])
    """What stands before the text in the prompt box."""
    ruled: bool = True
    """The prompt box stands between two horizontal rules (or in a frame of its own)."""
    bracketed_paste: bool = True
    """Text goes in as one bracketed paste when the program has asked for it."""
    submit_gap_s: float = 0.15
    """Between text and Enter: an Enter read together with the end of a paste is swallowed."""
    queues: bool = False
    """Takes a prompt while it works, and reads it when it is next free."""
    raw_prefixes: list[str] = msgspec.field(default_factory=lambda: ["/", "!", "#"])
    """A line that starts so is typed key by key: pasted, it would be plain text."""
    paste_marker: str = r"\[Pasted text #\d+( \+\d+ lines?)?\]"
    """What the prompt box shows in place of a long paste."""
    suggestion: str = ""
    """A prompt box whose text fits this holds an example of the program's, not a draft."""
    submits: bool = True
    """Enter sends the text; false for a program that has no prompt."""
    executes: bool = False
    """Enter runs the text as a command: only the overseer types there, never the town."""


class Price(_Table, frozen=True, kw_only=True):
    """US dollars for a million tokens of a model whose name starts with `model`."""

    model: str
    input: float
    output: float
    cache_write: float = 0.0
    cache_read: float = 0.0


class AgentEntry(_Table, frozen=True, kw_only=True):
    """How one coding agent is started, read and typed to."""

    name: str
    command: str
    about: str = ""
    """One line for lists."""
    base: str = ""
    """The entry that this one started from, if any."""
    args: list[str] = []
    wrapper: list[str] = []
    """A command line that the agent is run inside of: bwrap, a container, ssh."""
    prompt: Literal["argument", "none"] = "argument"
    """Whether the first prompt goes on the command line."""
    prompt_args: list[str] = msgspec.field(default_factory=lambda: ["--", "{prompt}"])
    session_args: list[str] = []
    """Arguments that give a new conversation the id `{conversation}`."""
    resume_args: list[str] = []
    """Arguments that continue `{conversation}`; empty when the agent cannot."""
    settings: Literal["claude", "none"] = "none"
    """Whose settings file is written for a session."""
    settings_args: list[str] = []
    """Arguments that name the file `{settings}`."""
    directives_args: list[str] = []
    """Arguments that add `{directives}`, the town's short rules, to the system prompt."""
    permissions: dict[str, list[str]] = msgspec.field(default_factory=lambda: {"default": []})
    """Arguments for each permission mode that the agent knows."""
    env: dict[str, str] = {}
    env_pass: list[str] = []
    """Variables of the person's own environment that this agent gets besides the listed ones."""
    env_file: str = ""
    """A file of `NAME=value` lines, readable by its owner alone, outside git; relative to the
    town's folder."""
    keys: list[str] = []
    """Variables that mean payment by API key rather than by subscription."""
    registry: Literal["claude", "none"] = "none"
    """Whose session registry tells what the agent does."""
    transcripts: Literal["claude", "none"] = "none"
    max_working: int = 4
    """How many sessions of this agent may work at once until the overseer says otherwise."""
    ready: Ready = Ready()
    typing: Typing = Typing()
    rules: list[Rule] = []
    prices: list[Price] = []


def load_entries(
    shipped: Mapping[str, bytes], overrides: Mapping[str, Any]
) -> dict[str, AgentEntry]:
    """All entries by name, the shipped ones changed by the tables `[agents.NAME]` of a town.

    Args:
        shipped: name to the TOML text of the entry.
        overrides: name to table, as decoded from `town.toml`.

    Raises:
        BadInput: an unknown key, a value of the wrong type, a bad pattern, or a secret in plain
            text.
    """
    tables: dict[str, dict[str, Any]] = {}
    for name, text in shipped.items():
        try:
            tables[name] = tomllib.loads(text.decode("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BadInput(f"agents/{name}.toml: {error}") from error
    built_in = dict(tables)
    for name, table in overrides.items():
        tables[name] = _overridden(name, table, built_in)
    return {name: _entry(name, table) for name, table in tables.items()}


def _overridden(name: str, table: Any, built_in: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    if not NAME.fullmatch(name):
        raise BadInput(
            f"[agents.{name}]: not a name for an agent",
            hint="small letters, digits, - and _, at most 32",
        )
    if not isinstance(table, Mapping):
        raise BadInput(f"agents.{name}: must be a table", hint=f"write it as [agents.{name}]")
    base = str(table.get("base", name))
    if base not in built_in and "base" in table:
        raise BadInput(
            f"[agents.{name}]: no agent {base!r} to start from",
            hint=_closest(base, list(built_in)) or "one of " + ", ".join(sorted(built_in)),
        )
    start = dict(built_in.get(base, {}))
    if base != name:
        start.pop("about", None)
    return _merged(start, table)


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Tables are merged key by key, everything else is replaced."""
    result = dict(under)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            result[key] = _merged(below, value)
        else:
            result[key] = value
    return result


def _entry(name: str, table: Mapping[str, Any]) -> AgentEntry:
    where = f"[agents.{name}]"
    if "command" not in table:
        raise BadInput(f"{where}: command is missing", hint='command = "the-program"')
    try:
        entry = msgspec.convert({**table, "name": name}, AgentEntry)
    except msgspec.ValidationError as error:
        raise _bad_key(where, str(error)) from error
    _check(where, entry)
    return entry


def _bad_key(where: str, message: str) -> BadInput:
    unknown = _UNKNOWN.search(message)
    if not unknown:
        return BadInput(f"{where}: {message.replace('`$.', '`')}")
    key, path = unknown["key"], (unknown["path"] or "$").lstrip("$").lstrip(".")
    inside = f"{where} {path}".rstrip() if path else where
    return BadInput(f"{inside}: unknown key {key!r}", hint=_closest(key, _keys_at(path)))


def _keys_at(path: str) -> list[str]:
    tables: dict[str, type[_Table]] = {
        "ready": Ready,
        "typing": Typing,
        "rules": Rule,
        "prices": Price,
    }
    table = tables.get(re.split(r"[.\[]", path)[0], AgentEntry)
    return [field.name for field in msgspec.structs.fields(table)]


def _closest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else ""


def _check(where: str, entry: AgentEntry) -> None:
    if not entry.command.strip() or entry.command.startswith("-") or "\0" in entry.command:
        raise BadInput(f"{where}: command {entry.command!r} is not a program")
    if entry.max_working < 1:
        raise BadInput(f"{where}: max_working must be 1 or more")
    for name in [*entry.env, *entry.env_pass]:
        if not _VARIABLE.fullmatch(name):
            raise BadInput(f"{where}: {name!r} is not the name of a variable")
    for name, value in entry.env.items():
        if _SECRET_VALUE.match(value) or (_SECRET_NAME.search(name) and value):
            raise BadInput(
                f"{where}: env.{name} looks like a secret, and town.toml is kept in git",
                hint=f'env_pass = ["{name}"] takes it from your environment, or use env_file',
            )
    patterns = [rule.regex for rule in entry.rules]
    for pattern in [*patterns, entry.typing.paste_marker, entry.typing.suggestion]:
        try:
            re.compile(pattern)
        except re.error as error:
            raise BadInput(f"{where}: bad pattern {pattern!r}: {error}") from error
