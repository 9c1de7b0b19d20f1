"""Pull requests as a forge tells of them, and what that means for a merge request.

Names and links are a forge's, and so anybody's: they are cut and cleaned where they come in.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final, Literal

import msgspec

from gastown_tui.domain.town import Request

FIRST_S: Final = 15.0
"""Between two questions while something has just changed."""
MOST_S: Final = 300.0
"""Between two questions when nothing has for an hour."""
_LINK: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?/[!-~]{1,400}")
_CALL: Final = re.compile(r"@(?=\w)")
_LONGEST: Final = 20_000
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]+")


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One check of a pull request's head."""

    name: str
    state: Literal["passed", "failed", "pending"]
    link: str = ""
    is_required: bool | None = None
    """None when the forge does not say."""


class Pull(msgspec.Struct, frozen=True, kw_only=True):
    """A pull request as it stood when the forge was asked."""

    number: int
    url: str = ""
    state: str = "OPEN"
    """OPEN, CLOSED or MERGED."""
    head: str = ""
    """The commit at its head."""
    merged: str = ""
    """The commit that merged it."""
    base: str = ""
    """The branch it is for."""
    mergeable: str = "UNKNOWN"
    """MERGEABLE, CONFLICTING or UNKNOWN."""
    status: str = "UNKNOWN"
    """CLEAN, BLOCKED, BEHIND, DIRTY, DRAFT, HAS_HOOKS, UNSTABLE or UNKNOWN."""
    review: str = ""
    """APPROVED, CHANGES_REQUESTED, REVIEW_REQUIRED or nothing."""
    auto: bool = False
    """It is merged by itself when it may be."""
    checks: tuple[Check, ...] = ()


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What a pull request's state means for its merge request."""

    word: Literal["waits", "merged", "closed", "failed", "conflict", "behind", "asked", "moved"]
    why: str
    """One line for a person."""
    log: str = ""
    """What an agent is told besides, when it comes back."""


def text(value: object, most: int = 120) -> str:
    """A forge's words as part of a line: no control characters, no direction marks, cut."""
    if not isinstance(value, str):
        return ""
    return " ".join(_CONTROL.sub(" ", value[: 4 * most]).split())[:most]


def link(value: object) -> str:
    """A forge's link, if it is one that may be shown; else nothing."""
    return value if isinstance(value, str) and _LINK.fullmatch(value) else ""


def branch_of(bead: str) -> str:
    """The branch on the remote that a bead's change goes to."""
    return f"gastown/{bead}"


def quoted(body: str) -> str:
    """A bead's text for others to read: nobody is called by it, and it has an end."""
    clean = "".join(char for char in body if char.isprintable() or char in "\n\t")
    return _CALL.sub("@\u200b", clean)[:_LONGEST]


def wait_s(quiet_s: float) -> float:
    """Seconds between two questions when nothing has changed for `quiet_s`."""
    return min(max(quiet_s / 12, FIRST_S), MOST_S)


def judge(pull: Pull, request: Request, required: Collection[str] | None = None) -> Standing:
    """What a pull request's state means.

    Args:
        pull: as it stands.
        request: the merge request it was made for.
        required: names of the checks that must pass; None when nobody has asked yet, and then a
            failed check that is not known to be needless counts.
    """
    name = f"pull request {pull.number}"
    if pull.state == "MERGED":
        return Standing(word="merged", why=f"{name} is merged")
    if pull.state == "CLOSED":
        return Standing(word="closed", why=f"{name} was closed without being merged")
    if pull.head != request.pushed:
        return Standing(word="moved", why=f"{name}: not at {request.pushed[:10]} yet")
    failed = failing(pull, required)
    if failed:
        first = failed[0]
        more = f" and {len(failed) - 1} more" if len(failed) > 1 else ""
        where = f": {first.link}" if first.link else ""
        lines = (f"{one.name}: failed  {one.link}".rstrip() for one in failed)
        why = f"the check {first.name}{more} failed{where}"
        return Standing(word="failed", why=why, log="\n".join(lines))
    if pull.mergeable == "CONFLICTING" or pull.status == "DIRTY":
        return Standing(word="conflict", why=f"{name} conflicts with its target")
    if pull.review == "CHANGES_REQUESTED":
        return Standing(word="asked", why=f"{name}: {_awaited(pull)}")
    if pull.status == "BEHIND":
        return Standing(word="behind", why=f"{name} is behind its target")
    return Standing(word="waits", why=f"{name}: {_awaited(pull)}")


def asked_for(pull: Pull, requested: Collection[tuple[str, str]]) -> tuple[str, str]:
    """One line, and all the words, of reviewers who request changes.

    Args:
        pull: what they have seen.
        requested: each with a name and words.
    """
    names = ", ".join(name for name, _ in requested)
    said = "\n\n".join(f"{name}: {words.strip() or 'no words'}" for name, words in requested)
    where = f"\n\nWhat is said to single lines is at {pull.url}" if pull.url else ""
    return f"{names} requests changes in pull request {pull.number}", f"{said}{where}"


def failing(pull: Pull, required: Collection[str] | None) -> list[Check]:
    """The failed checks that keep a pull request from being merged.

    Nothing is decided while checks still run: the agent gets all of them at once.
    """
    if any(one.state == "pending" and _counts(one, required) for one in pull.checks):
        return []
    return [one for one in pull.checks if one.state == "failed" and _counts(one, required)]


def _counts(check: Check, required: Collection[str] | None) -> bool:
    if check.is_required is not None:
        return check.is_required
    return not required or check.name in required


def _awaited(pull: Pull) -> str:
    parts = []
    pending = sum(one.state == "pending" for one in pull.checks)
    failed = [one.name for one in pull.checks if one.state == "failed"]
    if pending:
        parts.append(f"{pending} of {len(pull.checks)} checks run")
    if failed:
        parts.append(f"{failed[0]} failed, which is not required" if not pending else "some failed")
    if pull.review == "CHANGES_REQUESTED":
        parts.append("changes are requested there")
    elif pull.review == "REVIEW_REQUIRED":
        parts.append("waits for a review there")
    if pull.status == "DRAFT":
        parts.append("is a draft")
    if not parts:
        parts.append("is merged as soon as it may be" if pull.auto else "waits to be merged there")
    return ", ".join(parts)
