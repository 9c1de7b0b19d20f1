"""Signing what lands, as the project's and the person's settings of git say; nothing ever asks.

An agent's own commits are not signed: what lands is committed anew by the refinery, and that is
signed with the person's key and under the person's name, as a signature of anybody else's would
not be one.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.hub import TOWN_EMAIL, TOWN_NAME, identity
from gastown_tui.adapters.git.names import shown
from gastown_tui.adapters.git.run import Git, GitFailed
from gastown_tui.domain.errors import Conflict

_SETTINGS = r"^(commit\.gpgsign|gpg\..*|user\.(signingkey|name|email))$"
_TRUE = frozenset({"true", "yes", "on", "1", ""})
_GNUPG = frozenset({"gpg", "gpg2"})


class Signing(msgspec.Struct, frozen=True, kw_only=True):
    """Who commits for the town, and whether its commits are signed with the user's key."""

    name: str = TOWN_NAME
    email: str = TOWN_EMAIL
    sign: bool = False
    settings: tuple[tuple[str, str], ...] = ()
    """Of git: the key, its format and program."""


class CannotSign(Conflict):
    """Commits are to be signed and the key does not: a person must look."""


def signing_of(hub: Path, source: str, private: Path) -> Signing:
    """How commits that land are signed, the key tried.

    Args:
        hub: the clone.
        source: the repository that the rig was added from, whose own settings count; or empty.
        private: a folder of the town's, for what keeps gpg from asking.

    Raises:
        CannotSign: the key is missing or locked, in one line.
    """
    said = _settings(Path(source)) if source and Path(source).is_dir() else {}
    said |= _own(hub) if said else _settings(hub)
    if said.get("commit.gpgsign", "false").lower() not in _TRUE:
        return Signing()
    settings = {key: value for key, value in said.items() if key.startswith("gpg.")}
    if said.get("gpg.format", "openpgp") == "openpgp":
        program = said.get("gpg.openpgp.program") or said.get("gpg.program") or "gpg"
        settings["gpg.program"] = _unattended(program, private)
        settings.pop("gpg.openpgp.program", None)
    if key := said.get("user.signingkey"):
        settings["user.signingkey"] = key
    found = Signing(
        name=said.get("user.name") or TOWN_NAME,
        email=said.get("user.email") or TOWN_EMAIL,
        sign=True,
        settings=tuple(sorted(settings.items())),
    )
    _try(hub, found)
    return found


def _own(hub: Path) -> dict[str, str]:
    """What the hub's own file says: a person's last word."""
    return _settings(hub, "--local")


def _settings(path: Path, *where: str) -> dict[str, str]:
    """What files say; our own calm settings of the command line left out."""
    asked = ("config", *where, "--show-origin", "-z", "--get-regexp", _SETTINGS)
    out = Git(path).call(*asked, ok=None).out
    fields = out.decode("utf-8", "surrogateescape").split("\0")
    found = {}
    for origin, setting in zip(fields[::2], fields[1::2], strict=False):
        if origin.startswith("file:"):
            key, _, value = setting.partition("\n")
            found[key.lower()] = value
    return found


def _unattended(program: str, private: Path) -> str:
    """The person's gpg by a script that never lets it ask; another program is left as it is."""
    if program.rsplit("/", 1)[-1] not in _GNUPG:
        return program
    script = private / "bin" / "gpg-unattended"
    wanted = f'#!/bin/sh\nexec {shlex.quote(program)} --batch --no-tty --pinentry-mode error "$@"\n'
    if not script.is_file() or script.read_text("utf-8") != wanted:
        script.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = script.with_name(f"{script.name}.{os.getpid()}")
        fresh.write_text(wanted, "utf-8")
        fresh.chmod(0o700)
        fresh.replace(script)
    return str(script)


def _try(hub: Path, found: Signing) -> None:
    """Sign something that nobody will see."""
    git = Git(hub, env=identity(found.name, found.email, author=True), config=found.settings)
    try:
        tree = git.text("mktree")
        git.call("commit-tree", "-S", "-m", "a trial of the key", tree)
    except GitFailed as error:
        key = dict(found.settings).get("user.signingkey", f"{found.name} <{found.email}>")
        raise CannotSign(
            f"commit.gpgsign is set, but the key {shown(key)} does not sign: {error.message}",
            hint="unlock or mend it, or turn that off with"
            f" git -C {hub} config commit.gpgsign false, then release the queue",
        ) from error
