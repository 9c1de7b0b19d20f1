"""Where programs of a rig work: the variables of one worktree, and the scripts that run there.

Every worktree (a sandbox, one of the refinery) has a slot of its own on this machine. What runs in
it finds there what it must not share with others:

====================== =================================================================
`GASTOWN_SLOT`         a small number, for databases and the like
`GASTOWN_PORT_BASE`    the first of 100 ports that were free, and are nobody else's here
`COMPOSE_PROJECT_NAME` a name for `docker compose`
`TMPDIR`               a folder for temporary files
====================== =================================================================
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from typing import Final

import msgspec

from gastown_tui.domain.agents.environment import API_KEYS, inherited
from gastown_tui.domain.config import RigConfig

PORTS: Final = 100
"""Ports of a worktree."""
_OWN: Final = frozenset(
    {"HOME", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "SHLVL", "_", "TERM", "COLORTERM",
     "TMPDIR", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "COMPOSE_PROJECT_NAME", *API_KEYS}
)  # fmt: skip
_OWN_PREFIXES: Final = (
    "GASTOWN_", "GIT_", "BD_", "DIRENV_", "MISE_", "__MISE", "ANTHROPIC_", "CLAUDE",
)  # fmt: skip
"""What a project's environment cannot set for an agent: who it is, where it is, who pays."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """What one worktree has to itself on this machine."""

    number: int = 0
    port_base: int = 0


class SetUp(msgspec.Struct, frozen=True, kw_only=True):
    """How far a worktree is set up."""

    record: str = ""
    """The file that says with what it was; empty when nothing is kept in mind."""
    digest: str = ""
    """Of what set-up depends on, as it is now; empty when nothing is named in `inputs`."""
    is_done: bool = False
    """Whether it was set up with the same."""


class Workplace(msgspec.Struct, frozen=True, kw_only=True):
    """One worktree, and what belongs to it."""

    top: str
    """Its absolute path."""
    slot: Slot = Slot()
    tmp: str = ""
    """Folder of its temporary files."""
    allowed: str = ""
    """Folder in which direnv keeps what it may load; ours, as the person's is not changed."""
    capture: str = ""
    """File for the environment that is made here; empty when nobody asks for it."""


def own_variables(rig: str, place: Workplace) -> dict[str, str]:
    """The variables of the table above."""
    name = place.top.rstrip("/").rsplit("/", 1)[-1]
    found = {"TMPDIR": place.tmp} if place.tmp else {}
    if place.slot.port_base:
        project = f"gastown{place.slot.number}-{rig}-{name}".lower()
        found |= {
            "GASTOWN_SLOT": str(place.slot.number),
            "GASTOWN_PORT_BASE": str(place.slot.port_base),
            "COMPOSE_PROJECT_NAME": re.sub(r"[^a-z0-9_-]", "-", project),
        }
    return found


def work_env(
    person: Mapping[str, str], secrets: Mapping[str, str], town: str, rig: str, place: Workplace
) -> dict[str, str]:
    """The whole environment of set-up, gates and teardown in a worktree.

    Args:
        person: the person's.
        secrets: of the rig's `env_file`.
        town: the town's folder.
        rig: the rig's name.
        place: the worktree.
    """
    env = inherited(person) | dict(secrets)
    return env | own_variables(rig, place) | {
        "PATH": env.get("PATH") or person.get("PATH", "/usr/bin:/bin"),
        "TERM": "xterm-256color",
        "GASTOWN_TOWN": town,
        "GASTOWN_RIG": rig,
        "GASTOWN_ROLE": "gate",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CEILING_DIRECTORIES": place.top.rstrip("/").rpartition("/")[0] or "/",
        "PYTHONDONTWRITEBYTECODE": "1",
    }  # fmt: skip


def set_up_script(
    rig: RigConfig, place: Workplace, done: SetUp, gates: Sequence[str] = ()
) -> list[str]:
    """The argument list that sets a worktree up as far as it is not, and then runs gates.

    Commands are shown and run in order, up to the first that fails.
    """
    lines = []
    if not done.is_done:
        lines += [f"rm -f -- {shlex.quote(done.record)}"] if done.record else []
        lines += _shown(rig.setup.run)
        if done.record and done.digest:
            lines.append(f"printf %s {done.digest} > {shlex.quote(done.record)} || exit $?")
    elif rig.setup.run:
        lines.append("echo 'The set-up of this folder is done: its inputs are the same.'")
    return _script(rig, place, [*lines, *_shown(gates)])


def teardown_script(rig: RigConfig, place: Workplace, record: str = "") -> list[str]:
    """The argument list that undoes a worktree's set-up, which is then done anew the next time."""
    lines = [f"rm -f -- {shlex.quote(record)}"] if record else []
    return _script(rig, place, [*lines, *_shown(rig.setup.teardown)])


def _shown(commands: Sequence[str]) -> list[str]:
    return [
        line
        for command in commands
        for line in (f"printf '$ %s\\n' {shlex.quote(command)}", f"( {command}\n) || exit $?")
    ]


def _script(rig: RigConfig, place: Workplace, lines: Sequence[str]) -> list[str]:
    """A script that goes to the rig's folder, and runs `lines` in the project's environment."""
    enter = [f"cd -- {shlex.quote(rig.folder)} || exit 1"] if rig.folder else []
    match rig.setup.environment:
        case "direnv":
            enter += _direnv(place, "\n".join([*_captured(place), *lines]))
        case "mise":
            enter += _mise(place, "\n".join([*_captured(place), *lines]))
        case _:
            enter += lines
    return ["/bin/sh", "-c", "\n".join(enter)]


def _captured(place: Workplace) -> list[str]:
    if not place.capture:
        return []
    file = shlex.quote(place.capture)
    return [f"( printf '\\0'; env -0 ) >> {file} || exit $?"]


def _before(place: Workplace) -> list[str]:
    if not place.capture:
        return []
    file = shlex.quote(place.capture)
    return [f"( umask 077; env -0 > {file} ) || exit $?"]


def _direnv(place: Workplace, inner: str) -> list[str]:
    """Run `inner` in what direnv makes of the nearest `.envrc` of the worktree, if it has one.

    The overseer's yes is `environment = "direnv"`: it is noted in a folder of the town's, and the
    person's own list of what direnv may load stays as it is.
    """
    top, allowed = shlex.quote(place.top), shlex.quote(place.allowed)
    back = 'if [ -n "$GASTOWN_DATA_HOME" ]; then XDG_DATA_HOME=$GASTOWN_DATA_HOME; else unset '
    inner = f"{back}XDG_DATA_HOME; fi; unset GASTOWN_DATA_HOME\n{inner}"
    return [
        *_missing("direnv"),
        *_before(place),
        f'at=$(pwd -P); top=$(cd -- {top} && pwd -P); while [ ! -f "$at/.envrc" ]; do',
        '[ "$at" = "$top" ] || [ -z "$at" ] && { at=; break; }; at=${at%/*}; done',
        'export GASTOWN_DATA_HOME="$XDG_DATA_HOME"',
        f"inner={shlex.quote(inner)}",
        '[ -n "$at" ] || exec /bin/sh -c "$inner"',
        f'export XDG_DATA_HOME={allowed}; direnv allow "$at/.envrc" || exit $?',
        'exec direnv exec "$at" /bin/sh -c "$inner"',
    ]


def _mise(place: Workplace, inner: str) -> list[str]:
    """Run `inner` with the tools that the worktree's `mise.toml` or `.tool-versions` names."""
    return [
        *_missing("mise"),
        *_before(place),
        f"export MISE_TRUSTED_CONFIG_PATHS={shlex.quote(place.top)} MISE_YES=1",
        f"exec mise exec -- /bin/sh -c {shlex.quote(inner)}",
    ]


def _missing(program: str) -> list[str]:
    text = f'{program} is not on the PATH of the town: install it, or leave "environment" out'
    return [f"command -v {program} >/dev/null || {{ echo {shlex.quote(text)} >&2; exit 127; }}"]


def project_variables(captured: bytes, passed: Collection[str] = ()) -> dict[str, str]:
    """What a project's own environment adds to that of an agent.

    Args:
        captured: two listings of `env -0`, before and in it, an empty entry between them.
        passed: names that the agent's entry asks for (`env_pass`), although they are the agent's.
    """
    before, _, after = captured.decode("utf-8", "replace").partition("\0\0")
    old = set(before.split("\0"))
    found = dict(one.split("=", 1) for one in after.split("\0") if "=" in one and one not in old)
    return {
        name: value
        for name, value in found.items()
        if _NAME.fullmatch(name)
        and (name in passed or not (name in _OWN or name.startswith(_OWN_PREFIXES)))
    }
