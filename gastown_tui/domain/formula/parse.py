"""From the text of a file to a `Formula`, with the keys that nobody knows."""

from __future__ import annotations

import re
import tomllib
from types import UnionType
from typing import Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec

from gastown_tui.domain.formula.errors import Finding, FormulaError, closest
from gastown_tui.domain.formula.schema import Formula, Kind, Overlay
from gastown_tui.domain.formula.step_ids import check_ids

MAX_BYTES: Final = 4_000_000
"""A larger file is no formula."""
DEEPEST: Final = 60
"""Tables and lists inside of each other."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_PLACE: Final = re.compile(r"^(.*?)(?: - at `\$\.?(.*)`)?$", re.DOTALL)
_CHOICES: Final = {
    "type": Kind,
    "phase": Literal["liquid", "vapor"],
    "mode": Literal["replace", "append", "skip"],
}
_T = TypeVar("_T", Formula, Overlay)


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A formula and where it came from."""

    formula: Formula
    path: str
    """The file, as messages name it."""
    origin: str = ""
    """`project`, `town` or `shipped`."""
    unknown: tuple[Finding, ...] = ()
    """Keys that mean nothing here."""

    @property
    def name(self) -> str:
        """What the formula is called in its file."""
        return self.formula.formula


def is_name(text: str) -> bool:
    """Whether a formula may be called so: never a path or an option."""
    return _NAME.fullmatch(text) is not None and ".." not in text


def parse(data: bytes, path: str, origin: str = "") -> Document:
    """Read a formula file; its name's ending says whether it is TOML or JSON.

    Raises:
        FormulaError: with the key and the reason.
    """
    raw = _decoded(data, path)
    if _depth(raw) > DEEPEST:
        raise FormulaError(path, "", "nested too deep")
    formula = _converted(raw, Formula, path)
    if not is_name(formula.formula):
        raise FormulaError(path, "formula", f"{formula.formula!r} cannot be a name",
                           hint="use letters, digits, . _ and -")  # fmt: skip
    check_ids(formula, path)
    unknown = tuple(unknown_keys(raw, Formula))
    return Document(formula=formula, path=path, origin=origin, unknown=unknown)


def parse_overlay(data: bytes, path: str) -> Overlay:
    """Read a file of overrides.

    Raises:
        FormulaError: with the key and the reason; an unknown key is one.
    """
    raw = _decoded(data, path)
    for finding in unknown_keys(raw, Overlay):
        raise FormulaError(path, finding.key, finding.text)
    return _converted(raw, Overlay, path)


def _decoded(data: bytes, path: str) -> Any:
    if path.endswith((".yaml", ".yml")):
        raise FormulaError(path, "", "formulas in YAML are not read", hint="write it as TOML")
    if len(data) > MAX_BYTES:
        raise FormulaError(path, "", f"larger than {MAX_BYTES} bytes")
    try:
        if path.endswith(".json"):
            return msgspec.json.decode(data)
        return tomllib.loads(data.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise FormulaError(path, "", f"not UTF-8 at byte {error.start}") from error
    except (msgspec.DecodeError, tomllib.TOMLDecodeError) as error:
        kind = "JSON" if path.endswith(".json") else "TOML"
        raise FormulaError(path, "", f"not {kind}: {error}") from error
    except RecursionError as error:
        raise FormulaError(path, "", "nested too deep") from error


def _converted(raw: Any, kind: type[_T], path: str) -> _T:
    try:
        return msgspec.convert(raw, kind)
    except msgspec.ValidationError as error:
        found = _PLACE.match(str(error))
        reason, key = (found.group(1), found.group(2) or "") if found else (str(error), "")
        missing = re.fullmatch(r"Object missing required field `(\w+)`", reason)
        if missing:
            key = f"{key}.{missing.group(1)}" if key else missing.group(1)
            reason = "this key is missing"
        choice = _CHOICES.get(key.rpartition(".")[2]) if "enum value" in reason else None
        if choice:
            reason = f"{reason.rpartition(' ')[2]} is none of {', '.join(get_args(choice))}"
        raise FormulaError(path, key, reason[:1].lower() + reason[1:]) from error


def _depth(raw: Any) -> int:
    """How many tables and lists are inside of each other."""
    level, here = 0, [raw] if isinstance(raw, dict | list) else []
    while here and level <= DEEPEST:
        here = [
            part
            for one in here
            for part in (one.values() if isinstance(one, dict) else one)
            if isinstance(part, dict | list)
        ]
        level += 1
    return level


def unknown_keys(raw: Any, kind: Any, place: str = "") -> list[Finding]:
    """Keys of decoded text that the schema does not have, each with the nearest one it has."""
    found: list[Finding] = []
    tables = [one for one in _parts(kind) if _is_table(one)]
    if isinstance(raw, dict) and tables:
        fields = {f.encode_name: f.type for f in msgspec.structs.fields(tables[0])}
        for key, value in raw.items():
            inner = f"{place}.{key}" if place else str(key)
            if key in fields:
                found += unknown_keys(value, fields[key], inner)
            else:
                hint = closest(str(key), fields)
                found.append(Finding(key=inner, text=f"unknown key {key!r}: {hint}"))
    elif isinstance(raw, dict):
        values = [get_args(one)[1] for one in _parts(kind) if get_origin(one) is dict]
        for key, value in raw.items():
            for one in values:
                found += unknown_keys(value, one, f"{place}.{key}")
    elif isinstance(raw, list):
        items = [get_args(one)[0] for one in _parts(kind) if get_origin(one) is tuple]
        for number, value in enumerate(raw):
            for one in items:
                found += unknown_keys(value, one, f"{place}[{number}]")
    return found


def _parts(kind: Any) -> tuple[Any, ...]:
    """The members of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in {Union, UnionType} else (kind,)


def _is_table(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
