"""Names that a beads directory declares in its `config.yaml`: custom types and statuses.

`bd` reads `types.custom` and `status.custom` as a text with commas; people also write YAML lists,
in brackets or a line each. Only these two settings are read, so no YAML library is needed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_ITEM: Final = re.compile(r"[ \t]*-[ \t]+(.*)")
_EMPTY: Final = re.compile(r"[ \t]*(#.*)?")
_COMMENT: Final = re.compile(r"(^|[ \t])#.*")
_QUOTED: Final = re.compile(r"""(["'])(.*?)\1""")


class _Entry(NamedTuple):
    first: int
    """Index of the line with the key."""
    end: int
    """Behind its last line."""
    key: str
    """With its indentation and colon."""
    names: tuple[str, ...]


def names(text: str, name: str) -> tuple[str, ...]:
    """The custom names that a `config.yaml` declares, as they are written there.

    Args:
        text: of the file.
        name: `types` or `status`; entries of the latter may have a category behind a colon.
    """
    entry = _entry(text.splitlines(), name)
    return entry.names if entry else ()


def declared(text: str, name: str) -> frozenset[str]:
    """As `names`, without categories."""
    return frozenset(one.partition(":")[0].strip() for one in names(text, name))


def declaring(text: str, name: str, more: Iterable[str]) -> str:
    """The text with names added to those it declares; all else stays as it is.

    Args:
        text: of `config.yaml`.
        name: `types` or `status`.
        more: the names, for a status perhaps with `:category`; one that is declared stays as it is.
    """
    lines = text.splitlines(keepends=True)
    entry = _entry([line.rstrip("\r\n") for line in lines], name)
    every = {one.partition(":")[0]: one for one in (*more, *(entry.names if entry else ()))}
    value = ",".join(every[one] for one in sorted(every))
    if entry is None:
        end = "" if not text or text.endswith("\n") else "\n"
        return f'{text}{end}{name}.custom: "{value}"\n'
    return "".join((*lines[: entry.first], f'{entry.key} "{value}"\n', *lines[entry.end :]))


def _entry(lines: Sequence[str], name: str) -> _Entry | None:
    """The setting, flat (`types.custom:`) or below its section."""
    flat = re.compile(rf"""(["']?{name}\.custom["']?[ \t]*:)(?:[ \t]+(.*))?""")
    for place, line in enumerate(lines):
        if found := flat.fullmatch(line):
            return _read(lines, place, found[1], found[2] or "")
    section, nested = (
        re.compile(rf"{name}:[ \t]*(#.*)?"),
        re.compile(r"([ \t]+custom:)(?:[ \t]+(.*))?"),
    )
    inside = False
    for place, line in enumerate(lines):
        if line[:1] not in {"", " ", "\t", "#"}:
            inside = bool(section.fullmatch(line))
        elif inside and (found := nested.fullmatch(line)):
            return _read(lines, place, found[1], found[2] or "")
    return None


def _read(lines: Sequence[str], place: int, key: str, rest: str) -> _Entry:
    """The value that begins behind a key, on the key's line or below it."""
    end = place + 1
    value = rest.strip()
    if value.startswith("["):
        value = _bare(value)
        while not value.endswith("]") and end < len(lines):
            value += f" {_bare(lines[end])}"
            end += 1
        found = value.strip("[] ").split(",")
    elif _EMPTY.fullmatch(value):
        found, last = [], end
        while end < len(lines) and (_EMPTY.fullmatch(lines[end]) or _ITEM.fullmatch(lines[end])):
            end += 1
            if item := _ITEM.fullmatch(lines[end - 1]):
                found.append(item[1])
                last = end
        end = last
    else:
        found = _scalar(value).split(",")
    names = tuple(one for part in found if (one := _scalar(part.strip())))
    return _Entry(place, end, key, names)


def _scalar(text: str) -> str:
    quoted = _QUOTED.match(text)
    return (quoted[2] if quoted else _bare(text)).strip()


def _bare(text: str) -> str:
    return _COMMENT.sub("", text).strip()
