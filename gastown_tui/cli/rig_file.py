"""The text of a new rig's `rig.toml`, and what was decided that it says."""

from __future__ import annotations

import json
from typing import Final

import msgspec

from gastown_tui.cli.consent import as_toml
from gastown_tui.domain.config import Consent, Setup

_TEXT: Final = """\
# The rig {name}. Every key is listed; remove the # to change one.
name = "{name}"
prefix = "{prefix}"
upstream = {upstream}
source = {source}
default_branch = {branch}
land = "{land}"             # local: on gastown/{plain_branch} in {name}/repo; push: on the
                           # upstream; pr: by pull requests there, made with gh
review = "{review}"      # required: you approve each change; none: green gates are enough
permissions = "{permissions}"  # what agents start in: default, allowlist, bypass (asks for nothing)
gates = {gates}

{folder}# only_folder = true        # a change to anything outside of it is not taken
{sparse}# merge = "rebase"          # or squash
# gate_timeout_s = 1800
# batch = 5                 # approved changes tested and landed together
# agent = ""                # another agent than the town's
# env_file = ""             # NAME=value lines for agents and gates: chmod 600, outside git
# auto_merge = ""           # pr: squash, rebase or merge = GitHub merges what may be merged
{consent}

{setup}"""
_ABOUT_SETUP: Final = "# before an agent or a gate works in a fresh sandbox"


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """What the overseer, or the safe default, says about a new rig."""

    land: str = "local"
    review: str = "required"
    permissions: str = "default"
    gates: list[str] = []
    folder: str = ""
    sparse: list[str] = []
    setup: Setup = msgspec.field(default_factory=Setup)
    """As it would be used; `inputs` are told only."""
    uses_setup: bool = False
    """Whether it is; else it stands in the file as comments."""
    consent: Consent = msgspec.field(default_factory=Consent)


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rig comes from."""

    name: str
    prefix: str
    upstream: str
    source: str
    """The folder that it was added from; empty for an address."""
    branch: str


def rig_toml(origin: Origin, decided: Decision) -> str:
    """The file, with every key."""
    return _TEXT.format(
        name=origin.name,
        prefix=origin.prefix,
        upstream=_toml(origin.upstream),
        source=_toml(origin.source),
        branch=_toml(origin.branch),
        plain_branch=origin.branch,
        land=decided.land,
        review=decided.review,
        permissions=decided.permissions,
        gates=_list(decided.gates),
        folder=_kept("folder", _toml(decided.folder), "of a monorepo: agents and gates work there"),
        sparse=_kept("sparse", _list(decided.sparse), "folders that worktrees have; none: all"),
        consent=as_toml(decided.consent).rstrip(),
        setup=_setup(decided),
    )


def _kept(key: str, value: str, about: str) -> str:
    """A line of the file; a comment while it says nothing."""
    mark = "# " if value in {'""', "[]"} else ""
    return f"{mark}{f'{key} = {value}':<{28 - len(mark)}}# {about}\n"


def _setup(decided: Decision) -> str:
    """The table; as comments when it is not used."""
    setup = decided.setup
    is_empty = not (setup.copy or setup.run or setup.environment)
    copy = _list(setup.copy or ([".env"] if is_empty else []))
    lines = [
        f"{'[setup]':<28}{_ABOUT_SETUP}",
        "# ignored files, from the path the rig was added from; agents can read them",
        f"copy = {copy}",
        *_commands(setup.run),
        *([f"environment = {_toml(setup.environment)}"] if setup.environment else []),
    ]
    mark = "" if decided.uses_setup and not is_empty else "# "
    rest = [
        "# link = []                # ignored files that all sandboxes share with that path",
        "# lock files: run again only when one of them, or a command, has changed",
        f"# inputs = {_list(setup.inputs)}",
        "# teardown = []            # commands before a sandbox is taken away",
    ]
    if not setup.environment:
        about = "direnv or mise: agents and gates get what it sets"
        rest.append(f'# environment = ""         # {about}')
    marked = (line if line.startswith("#") else f"{mark}{line}" for line in lines)
    return "".join(f"{line}\n" for line in [*marked, *rest, "# timeout_s = 600"])


def _commands(run: list[str]) -> list[str]:
    if len(run) < 2:
        return [f"run = {_list(run)}"]
    return ["run = [", *(f"    {_toml(one)}," for one in run), "]"]


def _list(values: list[str]) -> str:
    return "[" + ", ".join(_toml(one) for one in values) + "]"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
