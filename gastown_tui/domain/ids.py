"""Bead ids: made from content, read, cut apart and looked up by a part.

A hash id is `prefix-` and the last characters of a base-36 number taken from SHA-256 over
`title|description|creator|unix nanoseconds|nonce`, as `bd` makes them.
"""

from __future__ import annotations

import hashlib
import math
import re
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

SHORTEST: Final = 3
LONGEST: Final = 8
NONCES: Final = 10
"""How often an occupied id is tried again before it grows by a character."""
DEEPEST: Final = 3
"""How many levels of children hang on an id: `a.1.2.3`."""
MAX_COLLISION: Final = 0.25
_BYTES_OF_LENGTH: Final = {3: 2, 4: 3, 5: 4, 6: 4, 7: 5, 8: 5}
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,254}")
_PREFIX: Final = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,39}")
KINDS: Final = ("wisp", "mol", "cv", "mr")
"""What may stand between prefix and hash: a wisp, a molecule, a convoy."""


class Seed(msgspec.Struct, frozen=True, kw_only=True):
    """What a hash id is made from; `created` in nanoseconds since the epoch."""

    title: str
    description: str
    creator: str
    created: int


def hash_part(seed: Seed, length: int, nonce: int) -> str:
    """The characters after the prefix, `length` 3 to 8."""
    text = f"{seed.title}|{seed.description}|{seed.creator}|{seed.created}|{nonce}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    number = int.from_bytes(digest[: _BYTES_OF_LENGTH[length]], "big")
    characters = ""
    for _ in range(length):
        number, digit = divmod(number, 36)
        characters = _DIGITS[digit] + characters
    return characters


def length_for(count: int) -> int:
    """The shortest length at which `count` ids collide with a chance of at most a quarter."""
    for length in range(SHORTEST, LONGEST):
        if 1 - math.exp(-count * count / (2 * 36**length)) <= MAX_COLLISION:
            return length
    return LONGEST


def candidates(prefix: str, seed: Seed, count: int) -> Iterable[str]:
    """Ids to try in turn, growing; the first that is free is taken.

    Args:
        prefix: without its trailing hyphen.
        seed: what the id is made from.
        count: how many top-level ids have the prefix already.
    """
    for length in range(length_for(count), LONGEST + 1):
        for nonce in range(NONCES):
            yield f"{prefix}-{hash_part(seed, length, nonce)}"


def is_id(text: str) -> bool:
    """Whether text may be a bead's id: letters, digits, `-`, `_`, `.`, at most 255."""
    return _ID.fullmatch(text) is not None


def is_prefix(text: str) -> bool:
    """Whether text may stand before the hyphen of an id."""
    return _PREFIX.fullmatch(text) is not None and not text.endswith("-")


def meant(given: str, prefix: str, work: Iterable[str], records: Iterable[str] = ()) -> list[str]:
    """The ids that a full or partial id may mean; several when it is not clear which.

    In this order, the first that fits anything: the id itself, the id without its prefix, the
    beginning of a hash; of these last, whole beads before their children. What the town runs by is
    meant only by its whole id.

    Args:
        given: what was written.
        prefix: of the directory, without its hyphen.
        work: ids of beads that are work.
        records: ids of all others.
    """
    own = list(work)
    for whole in (given, f"{prefix}-{given}"):
        if whole in own or (whole == given and whole in set(records)):
            return [whole]
    start = given.removeprefix(f"{prefix}-")
    fitting = [bead for bead in own if start and _begins(bead, prefix, start)]
    roots = [bead for bead in fitting if not parent_of(bead)]
    return sorted(roots or fitting, key=natural_key)


def _begins(bead: str, prefix: str, start: str) -> bool:
    """Whether a hash begins so, or kind and hash do."""
    if _hash_of(bead, prefix).startswith(start):
        return True
    return "-" in start and bead.removeprefix(f"{prefix}-").startswith(start)


def _hash_of(bead: str, prefix: str) -> str:
    """What follows prefix and kind."""
    tail = bead.removeprefix(f"{prefix}-")
    kind, hyphen, rest = tail.partition("-")
    return rest if hyphen and kind in KINDS else tail


def prefix_of(bead: str, known: Iterable[str] = ()) -> str:
    """The prefix of an id without its hyphen; the longest of `known` wins over guessing.

    Guessed: what stands before the last hyphen when a number or a hash follows it, else before
    the first.
    """
    fitting = [prefix for prefix in known if bead.startswith(f"{prefix}-")]
    if fitting:
        return max(fitting, key=len)
    head, hyphen, tail = bead.rpartition("-")
    if not hyphen:
        return ""
    if _looks_like_hash(tail.split(".", 1)[0]):
        return head
    return bead.partition("-")[0]


def _looks_like_hash(text: str) -> bool:
    if text.isdigit():
        return True
    if not re.fullmatch(r"[0-9a-z]{3,8}", text):
        return False
    return len(text) == SHORTEST or any(character.isdigit() for character in text)


def parent_of(bead: str) -> str:
    """The id that a hierarchical id hangs on, or an empty text."""
    head, dot, tail = bead.rpartition(".")
    return head if dot and tail.isdigit() else ""


def child_number(parent: str, bead: str) -> int:
    """`3` for `a.3` under `a`; 0 when it is no direct child."""
    tail = bead.removeprefix(f"{parent}.") if bead.startswith(f"{parent}.") else ""
    return int(tail) if tail.isdigit() and len(tail) < 10 else 0


def depth(bead: str) -> int:
    """How many child levels an id has."""
    level = 0
    while bead := parent_of(bead):
        level += 1
    return level


def natural_key(bead: str) -> tuple[tuple[int, int, str], ...]:
    """Sorts `a.2` before `a.10`."""
    parts = re.split(r"(\d+)", bead)
    return tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in parts if p)
