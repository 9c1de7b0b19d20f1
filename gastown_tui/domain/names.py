"""Names of rigs, agents and branches: checked at the edge, so that none is a path or an option."""

from __future__ import annotations

import re
from typing import Final

from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.ids import is_id

_RIG: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_AGENT: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_PREFIX: Final = re.compile(r"[a-z][a-z0-9]{0,11}(-[a-z0-9]{1,12}){0,2}")
_LONGEST_BEAD: Final = 120
"""Of an id that becomes part of a branch or of a file's name."""
_SESSION: Final = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._@-]{0,60}(/[A-Za-z0-9][A-Za-z0-9._@-]{0,60}){0,3}"
)
RESERVED: Final = frozenset(
    {"mayor", "deacon", "dogs", "town", "hq", "witness", "refinery", "crew", "polecats", "gate"}
)
"""Names that mean a place or a role of the town itself."""

POOL: Final = (
    "furiosa", "nux", "slit", "rictus", "toast", "capable", "dag", "cheedo", "valkyrie", "ace",
    "morsov", "corpus", "coma", "doof", "keeper", "glory", "angharad", "max", "goose",
    "toecutter", "bubba", "jessie", "roop", "humungus", "wez", "papagallo", "curmudgeon",
    "warrior", "gyro", "feral", "zetta", "auntie", "blaster", "master", "savannah", "scrooloose",
    "pigkiller", "ironbar", "collector", "blackfinger", "dementus", "praetorian", "scrotus",
    "chrome", "vulture", "octoboss", "smeg", "imperator", "organic", "bullet",
)  # fmt: skip
"""The shipped names of polecats, lowest free one first."""


def check_rig(name: str) -> str:
    """The name, if a rig may have it.

    Raises:
        BadInput: with the rule.
    """
    if not _RIG.fullmatch(name) or name in RESERVED:
        raise BadInput(
            f"{name!r} cannot name a rig",
            hint="use a lower-case letter, then letters, digits, - or _ (at most 40)",
        )
    return name


def check_agent(name: str) -> str:
    """The name, if an agent may have it.

    Raises:
        BadInput: with the rule.
    """
    if not _AGENT.fullmatch(name) or name in RESERVED:
        raise BadInput(
            f"{name!r} cannot name an agent",
            hint="use a lower-case letter, then letters, digits, - or _ (at most 40)",
        )
    return name


def check_prefix(prefix: str) -> str:
    """The prefix, if bead ids may start with it.

    Raises:
        BadInput: with the rule.
    """
    if not _PREFIX.fullmatch(prefix) or prefix == "hq":
        raise BadInput(
            f"{prefix!r} cannot be a prefix of bead ids",
            hint="use lower-case letters and digits, as in `gt` or `my-app`; `hq` is the town's",
        )
    return prefix


def check_bead(bead: str) -> str:
    """The id, if a bead may have it and a file or a branch may be named after it.

    Narrower than `ids.is_id`, which takes what other tools have written: there is a prefix, and
    nothing that git or a file system reads in a way of its own (`..`, a dot or `.lock` at the end).

    Raises:
        BadInput: with an example.
    """
    prefix, hyphen, tail = bead.partition("-")
    fits = is_id(bead) and len(bead) <= _LONGEST_BEAD and bool(prefix and hyphen and tail)
    if not fits or ".." in bead or bead.endswith((".", ".lock")):
        raise BadInput(f"{bead!r} is not the id of a bead", hint="an id looks like gt-a1b2c")
    return bead


def check_session(name: str) -> str:
    """The name, if a session may have it.

    Raises:
        BadInput: with the rule.
    """
    if not _SESSION.fullmatch(name) or ".." in name:
        raise BadInput(
            f"{name!r} cannot name a session", hint="use letters, digits, . _ - and / between parts"
        )
    return name


def polecat(rig: str, name: str) -> str:
    """The address of a polecat; it is also its session's name."""
    return f"{rig}/polecats/{name}"


def split_address(address: str) -> tuple[str, str, str]:
    """Rig, role and name of `rig/polecats/name`, `rig/crew/name` or `mayor`.

    Raises:
        BadInput: it is no address.
    """
    if address in {"mayor", "deacon"}:
        return "", address, address
    parts = address.split("/")
    if len(parts) != 3 or parts[1] not in {"polecats", "crew"}:
        raise BadInput(f"{address!r} is not an agent", hint="an agent is RIG/polecats/NAME")
    role = "polecat" if parts[1] == "polecats" else "crew"
    return check_rig(parts[0]), role, check_agent(parts[2])


def prefix_for(rig: str) -> str:
    """A prefix proposed for a rig: its initials, or its first two letters."""
    words = re.split(r"[-_]", rig)
    letters = "".join(word[0] for word in words if word)
    return letters[:4] if len(letters) > 1 else rig[:2] if len(rig) > 1 else rig + "x"
