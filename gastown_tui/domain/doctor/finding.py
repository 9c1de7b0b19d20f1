"""A finding: what was looked at, how it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

Level = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the report."""

    about: str
    """The same word for ever: `git`, `disk`, `agent claude`, `beads lib` ..."""
    level: Level = "ok"
    """`warn`: something will not work, or not well. `fail`: a town cannot work so."""
    text: str
    remedy: str = ""
    """A command to type or a thing to do; empty when all is well."""


def is_sound(findings: Iterable[Finding]) -> bool:
    """Whether nothing failed."""
    return all(one.level != "fail" for one in findings)


def ok(about: str, text: str) -> Finding:
    """All is well, or it matters to few."""
    return Finding(about=about, text=text)


def warn(about: str, text: str, remedy: str) -> Finding:
    """Something will not work, or not well."""
    return Finding(about=about, level="warn", text=text, remedy=remedy)


def fail(about: str, text: str, remedy: str) -> Finding:
    """A town cannot work so."""
    return Finding(about=about, level="fail", text=text, remedy=remedy)


def size(count: int) -> str:
    """Bytes for a person, in powers of 1000: `5.2 GB`."""
    for power, unit in ((4, "TB"), (3, "GB"), (2, "MB"), (1, "kB")):
        if count >= 1000**power:
            value = count / 1000**power
            return f"{value:.1f} {unit}" if value < 10 else f"{value:.0f} {unit}"
    return f"{count} B"
