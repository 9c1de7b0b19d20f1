"""Names that come from outside, checked before git sees them."""

from __future__ import annotations

import re
from pathlib import Path

from gastown_tui.domain.errors import BadInput

_LONGEST = 200
"""Bytes of a branch name: a loose ref is a file, and its lock adds five bytes to 255."""
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_TOKEN = re.compile(r"[a-z0-9]{1,32}")
_SCHEMES = ("https://", "http://", "ssh://", "git://", "file://")
_SCP = re.compile(r"[A-Za-z0-9_.-]+(?:@[A-Za-z0-9_.-]+)?:(?!//|:)[^\x00-\x1f\x7f]+")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_branch(name: str) -> str:
    """Return `name` if it can be a branch: git's check-ref-format, and never like an option.

    Raises:
        BadInput: it cannot.
    """
    parts = name.split("/")
    bad = (
        not name
        or name[0] in "-/"
        or name[-1] in "/."
        or name in {"@", "HEAD"}
        or name.startswith("refs/")
        or _FORBIDDEN.search(name) is not None
        or any(part.startswith(".") or part.endswith(".lock") for part in parts)
        or len(name.encode("utf-8", "surrogatepass")) > _LONGEST
        or not _is_text(name)
    )
    if bad:
        raise BadInput(f"{shown(name)!r} cannot be a branch name")
    return name


def _is_text(name: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in name)


def check_ref(name: str) -> str:
    """Return `name` if it is a full ref such as ``refs/heads/main``.

    Raises:
        BadInput: it is not.
    """
    if not name.startswith("refs/") or "/" not in name[5:]:
        raise BadInput(f"{shown(name)!r} is not a full ref name")
    check_branch(name[5:])
    return name


def check_sha(value: str) -> str:
    """Return `value` if it is a whole object name, in hex (SHA-1 or SHA-256).

    Raises:
        BadInput: it is not.
    """
    if not _SHA.fullmatch(value):
        raise BadInput(f"{shown(value)!r} is not a commit id")
    return value


def check_key(value: str) -> str:
    """Return `value` if it can be one component of a ref: a request's or a bead's id.

    Raises:
        BadInput: it cannot.
    """
    if "/" in value:
        raise BadInput(f"{shown(value)!r} cannot be an id")
    return check_branch(value)


def is_url(source: str) -> bool:
    """Whether `source` is an address rather than a path: a known scheme, or ``host:path``."""
    if source.startswith(_SCHEMES):
        return True
    return not source.startswith(("/", ".", "~")) and _SCP.fullmatch(source) is not None


def check_source(source: str) -> str:
    """Return `source` if it is an address git may be given, or a path that exists.

    Transports that run programs (``ext::``) are refused, and so is anything like an option.

    Raises:
        BadInput: it is neither.
    """
    if not source or source.startswith("-") or _CONTROL.search(source):
        raise BadInput(f"{shown(source)!r} is neither an address nor a path")
    if is_url(source):
        return source
    if "::" in source.split("/", 1)[0]:
        raise BadInput(
            f"{shown(source)!r} names a transport that is not allowed",
            hint="use https, ssh, git, file or a path",
        )
    if not Path(source).expanduser().exists():
        raise BadInput(f"there is no {shown(source)!r}")
    return source


def branch_name(agent: str, bead: str, token: str) -> str:
    """Return the branch a polecat works on for one bead: ``polecat/NAME/BEAD@TOKEN``.

    Args:
        agent: the polecat's name, one path component.
        bead: the bead's id.
        token: what makes it new, in base 36: the run's time or number.

    Raises:
        BadInput: a part cannot stand in a branch name.
    """
    if not _TOKEN.fullmatch(token):
        raise BadInput(f"{shown(token)!r} is not a token of a branch")
    return check_branch(f"polecat/{check_key(agent)}/{check_key(bead)}@{token}")


def shown(name: str | bytes) -> str:
    r"""Return a name fit for a line of text: control characters and stray bytes as ``\xNN``."""
    raw = name if isinstance(name, bytes) else name.encode("utf-8", "surrogateescape")
    text = raw.decode("utf-8", "backslashreplace")
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
