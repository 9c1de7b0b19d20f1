"""`town.toml` and `rig.toml`: every key, its meaning, and the refusal of what is not one."""

from __future__ import annotations

import difflib
import re
from typing import Any, Final, TypeVar

import msgspec

from gastown_tui.domain.errors import BadInput

NOTICES: Final = (
    "waits", "error", "rejected", "review", "queue", "limit", "escalated", "problem", "done",
)  # fmt: skip
"""An agent asks; an agent or a change is stuck; a change is rejected, or waits for a review; a
merge queue is held; an account has reached its limit; a rule gave up; something is wrong with the
town; all work is done."""


class _Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all tables: an unknown key is an error."""


class Limits(_Table, frozen=True, kw_only=True):
    """How much goes on at once."""

    max_working: int = 4
    """Agents that work at the same time, over all rigs."""
    polecats: int = 30
    """Polecats that exist at the same time in a rig, those that wait for landing included."""
    gates: int = 2
    """Gate runs at the same time."""
    respawns: int = 3
    """Deaths nobody asked for after which a bead waits for the overseer."""
    attempts: int = 3
    """How often a change may be handed in before a red gate rejects it for good."""
    idle_s: float = 60.0
    """Seconds at the prompt with work on the hook after which an agent is sent back to it."""
    stall_s: float = 900.0
    """Seconds without output, while working, after which an agent is nudged."""
    hung_s: float = 1800.0
    """Seconds without output, while working, after which its session is started anew."""


class Notify(_Table, frozen=True, kw_only=True):
    """How the overseer is called; `domain/notices.py` says when."""

    on: list[str] = msgspec.field(default_factory=lambda: list(NOTICES))
    """What is told: any of `NOTICES`."""
    bell: bool = True
    """Whether open screens ring the terminal's bell."""
    osc: str = "9"
    """How open screens ask the terminal for a notification: OSC `9`, OSC `777`, or empty."""
    command: list[str] = []
    """A program and its arguments, run without a shell, also while no screen is open. `{text}`,
    `{kind}`, `{subject}` and `{town}` are replaced; without any of them the text comes last."""
    every_s: float = 30.0
    """Seconds between two calls at least; what comes up meanwhile goes into one."""


class TownConfig(_Table, frozen=True, kw_only=True):
    """`town.toml`."""

    id: str = ""
    """Names this town in the hooks it sets; written by `gastown init`, never changed."""
    name: str = ""
    agent: str = "claude"
    """The entry of the catalogue that polecats run."""
    bd: bool = False
    """Whether agents find `bd` on PATH as another name of `gastown bd`."""
    limits: Limits = msgspec.field(default_factory=Limits)
    notify: Notify = msgspec.field(default_factory=Notify)
    agents: dict[str, dict[str, Any]] = {}
    """`[agents.NAME]`: overrides of the catalogue, or entries of your own."""
    keys: dict[str, str] = {}
    """Action id to key, for the screen."""


class Setup(_Table, frozen=True, kw_only=True):
    """What a fresh sandbox needs before an agent or a gate runs in it."""

    copy: list[str] = []
    """Globs of ignored files to copy from the path that the rig was added from (git's own globs:
    `.env` at the top, `**/.env` anywhere, `config` with all that is in it)."""
    link: list[str] = []
    """Globs of ignored files and folders that are linked to instead: all sandboxes share them with
    that path, and what is written to them is written there."""
    run: list[str] = []
    """Shell commands, in order."""
    inputs: list[str] = []
    """Globs of tracked files, such as lock files: a worktree in which `run` has succeeded does not
    run it again while they are the same. None = it runs every time."""
    teardown: list[str] = []
    """Shell commands before a worktree is taken away, such as `docker compose down -v`."""
    environment: str = ""
    """`direnv` or `mise`: set-up, gates and agents get the environment that it makes of the
    project's `.envrc`, or `mise.toml` and `.tool-versions`; empty = none."""
    timeout_s: float = 600.0
    """Seconds that `run` may take, and `teardown`."""


class Consent(_Table, frozen=True, kw_only=True):
    """The overseer's yes, given once, to what a program asks each time it starts."""

    trust: bool = False
    """To work in this repository."""
    trust_rules: bool = False
    """To the permissions that the repository's own settings give without asking."""
    mcp: list[str] | None = None
    """MCP servers of the repository that may run; without the key nobody was asked."""
    api_key: bool = False
    """To use the API key that `env_pass` or `env_file` gives."""
    by: str = ""
    """Who said so."""
    at: str = ""
    """The day."""


class RigConfig(_Table, frozen=True, kw_only=True):
    """`rig.toml`."""

    name: str
    prefix: str
    upstream: str
    """The repository whose default branch the rig follows: a URL or a path."""
    source: str = ""
    """The path that the rig was added from, if it was a path."""
    default_branch: str = "main"
    land: str = "local"
    """`local`: on gastown/<default> in the hub. `push`: on <default> of the upstream. `pr`: by a
    pull request there, made with `gh`."""
    auto_merge: str = ""
    """With `land = "pr"`, how GitHub merges by itself what may be merged: squash, rebase or merge;
    empty = a person merges there."""
    review: str = "required"
    """`required`: the overseer approves each change. `none`: green gates are enough."""
    permissions: str = "default"
    """What the agents' own program starts in: default, allowlist or bypass."""
    merge: str = "rebase"
    """`rebase` keeps the commits of a branch, `squash` makes one of them."""
    gates: list[str] = []
    """Shell commands that must end with 0 in a clean worktree; none = nothing is checked."""
    gate_timeout_s: float = 1800.0
    batch: int = 5
    """Approved changes that are tested and landed together."""
    agent: str = ""
    """Entry of the catalogue for this rig; empty = the town's."""
    bd: bool = False
    """As in `town.toml`, for the agents of this rig."""
    folder: str = ""
    """The part of a monorepo that it is about: agents start there, gates and set-up run there;
    empty = the top."""
    only_folder: bool = False
    """Whether a change to anything outside of `folder` is refused when it is handed in."""
    sparse: list[str] = []
    """Folders that worktrees have, with the files above them; none = all."""
    env_file: str = ""
    """A file of `NAME=value` lines for the rig's agents, gates and set-up: readable by its owner
    alone, outside git; relative to the rig's folder."""
    setup: Setup = msgspec.field(default_factory=Setup)
    consent: Consent = msgspec.field(default_factory=Consent)


_T = TypeVar("_T", bound=_Table)
CHOICES: Final = {
    "land": ("local", "push", "pr"),
    "auto_merge": ("", "squash", "rebase", "merge"),
    "review": ("required", "none"),
    "merge": ("rebase", "squash"),
    "permissions": ("default", "allowlist", "bypass"),
}
ENVIRONMENTS: Final = ("", "direnv", "mise")
"""What keys of `rig.toml` may be."""


def read_town(text: str, path: str = "town.toml") -> TownConfig:
    """Parse `town.toml`; `path` is for messages.

    Raises:
        BadInput: with the file, the key and the nearest key there is.
    """
    config = _read(text, path, TownConfig)
    for key, least in (("max_working", 1), ("polecats", 1), ("gates", 1)):
        if getattr(config.limits, key) < least:
            raise BadInput(f"{path}: limits.{key} must be at least {least}")
    _check_notify(config.notify, path)
    return config


def _check_notify(notify: Notify, path: str) -> None:
    strange = [one for one in notify.on if one not in NOTICES]
    if strange:
        raise BadInput(f"{path}: notify.on has {strange[0]!r}", hint=f"any of {', '.join(NOTICES)}")
    if notify.osc not in {"", "9", "777"}:
        raise BadInput(f"{path}: notify.osc is {notify.osc!r}", hint='it may be "9", "777" or ""')
    if notify.command and (not notify.command[0] or any("\0" in one for one in notify.command)):
        raise BadInput(
            f"{path}: notify.command names no program",
            hint='such as ["notify-send", "{town}", "{text}"]',
        )
    if not notify.every_s >= 1:
        raise BadInput(f"{path}: notify.every_s must be at least 1")


def read_rig(text: str, path: str = "rig.toml") -> RigConfig:
    """Parse `rig.toml`; `path` is for messages.

    Raises:
        BadInput: with the file, the key and what it may be.
    """
    config = _read(text, path, RigConfig)
    for key, choices in CHOICES.items():
        value = getattr(config, key)
        if value not in choices:
            raise BadInput(f"{path}: {key} is {value!r}", hint=f"it may be {' or '.join(choices)}")
    if config.batch < 1 or config.gate_timeout_s <= 0:
        raise BadInput(f"{path}: batch and gate_timeout_s must be positive")
    _check_setup(config.setup, path)
    for folder in [*config.sparse, *([config.folder] if config.folder else [])]:
        if not is_inside(folder) or set("*?[\\\n") & set(folder):
            raise BadInput(
                f"{path}: {folder!r} is no folder of the project",
                hint='name it from the top, such as folder = "services/api"',
            )
    if config.only_folder and not config.folder:
        raise BadInput(f"{path}: only_folder without a folder", hint='add folder = "services/api"')
    if config.sparse and config.folder and not _holds(config.sparse, config.folder):
        raise BadInput(
            f"{path}: sparse leaves {config.folder!r} out", hint="name it in sparse, too"
        )
    return config


def _check_setup(setup: Setup, path: str) -> None:
    for key in ("copy", "link", "inputs"):
        for glob in getattr(setup, key):
            if not is_inside(glob):
                raise BadInput(
                    f"{path}: setup.{key} has {glob!r}",
                    hint="name files from the top of the project, such as config/*.env",
                )
    if setup.environment not in ENVIRONMENTS:
        raise BadInput(
            f"{path}: setup.environment is {setup.environment!r}", hint="it may be direnv or mise"
        )
    if setup.timeout_s <= 0:
        raise BadInput(f"{path}: setup.timeout_s must be positive")


def is_inside(name: str) -> bool:
    """Whether a path or glob, as it is written, names something below the project's top."""
    parts = name.split("/")
    return (
        bool(name.strip("/. "))
        and not name.startswith(("/", "-", ":"))
        and not ({"..", ".git"} & set(parts) or "\0" in name)
    )


def _holds(folders: list[str], wanted: str) -> bool:
    return any(f"{wanted.strip('/')}/".startswith(f"{one.strip('/')}/") for one in folders)


def _read(text: str, path: str, kind: type[_T]) -> _T:
    try:
        return msgspec.toml.decode(text, type=kind)
    except msgspec.ValidationError as error:
        raise BadInput(f"{path}: {error}", hint=_nearest(str(error), kind)) from error
    except msgspec.DecodeError as error:
        raise BadInput(f"{path} is not TOML: {error}", hint="mend that line") from error


def _nearest(message: str, kind: type[_Table]) -> str:
    found = re.search(r"unknown field `(\w+)`", message)
    if not found:
        return "see the comments in the file"
    tables = (kind, Limits, Notify, Setup, Consent)
    known = [key for table in tables for key in _keys(table)]
    close = difflib.get_close_matches(found.group(1), known, n=1)
    return f"did you mean {close[0]}?" if close else f"known keys: {', '.join(_keys(kind))}"


def _keys(kind: type[_Table]) -> tuple[str, ...]:
    return tuple(field.name for field in msgspec.structs.fields(kind))
