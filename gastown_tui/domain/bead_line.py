"""One line of a bead file, edited without touching what was not meant.

A line is cut into the text of its members. Edits replace the text of single values; keys that we
do not know, the order of keys, spacing, escapes, number formats and timestamps' text stay as they
came. What is written new follows the style of the line, else of its file.
"""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gastown_tui.domain.bead import FIELD_RANK

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

BOM: Final = "\ufeff"
_BLANKS: Final = re.compile(r"[ \t\r\n]*")
_scan_value: Final = json.JSONDecoder().scan_once  # type: ignore[attr-defined]
_ESCAPED: Final = ("\\u003c", "\\u003e", "\\u0026")
_HTML: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class Style(msgspec.Struct, frozen=True, kw_only=True):
    """How new text is written: Go's default (compact, `<`, `>` and `&` escaped) unless told."""

    item: str = ""
    """White space after a comma."""
    colon: str = ":"
    html: bool = True
    """Whether `< > &` and U+2028, U+2029 are written as escapes."""
    ascii: bool = False
    """Whether everything beyond ASCII is written as escapes."""

    def text(self, value: Any) -> str:
        """`value` as JSON text."""
        text = json.dumps(value, ensure_ascii=self.ascii, separators=("," + self.item, self.colon))
        return text.translate(_HTML) if self.html else text

    def array(self, elements: Iterable[str]) -> str:
        """An array of elements that are JSON texts already."""
        return f"[{(',' + self.item).join(elements)}]"


def style_of(text: str, fallback: Style) -> Style:
    """The style of a line; what the line does not show is taken from `fallback`."""
    html, only_ascii = fallback.html, fallback.ascii
    if "<" in text or ">" in text or "&" in text:
        html = False
    elif any(escape in text for escape in _ESCAPED):
        html = True
    if not text.isascii():
        only_ascii = False
    elif re.search(r"\\u(?!00|202[89])[0-9a-fA-F]{4}", text):
        only_ascii = True
    spaced = re.match(r'\s*\{\s*"(?:[^"\\]|\\.)*"(\s*:\s*)', text)
    colon = spaced.group(1) if spaced else fallback.colon
    return Style(item=fallback.item, colon=colon, html=html, ascii=only_ascii)


class _Member:
    """The text of one `"key": value` between two commas."""

    __slots__ = ("between", "key", "lead", "name", "trail", "value")

    def __init__(self, lead: str, name: str, key: str, between: str) -> None:
        self.lead = lead
        self.name = name
        """The key's JSON text."""
        self.key = key
        self.between = between
        """The colon with the white space around it."""
        self.value = ""
        self.trail = ""

    def text(self) -> str:
        return f"{self.lead}{self.name}{self.between}{self.value}{self.trail}"


class Line:
    """A line of a bead file as an editable list of members."""

    def __init__(self, data: bytes, style: Style | None = None) -> None:
        """Cut a line apart.

        Args:
            data: one JSON object in UTF-8, without its newline.
            style: of the file, for what the line itself does not show.

        Raises:
            ValueError: not a JSON object.
        """
        text = data.decode()
        self._members: list[_Member] = []
        start = _skip(text, len(BOM) if text.startswith(BOM) else 0)
        if text[start : start + 1] != "{":
            raise ValueError("not a JSON object")
        self._head = text[: start + 1]
        end = self._cut(text, start + 1)
        if _skip(text, end) != len(text):
            raise ValueError("text after the object")
        self._tail = text[end - 1 :]
        found = style_of(text, style or Style())
        item = self._members[1].lead if len(self._members) > 1 else found.item
        self.style = msgspec.structs.replace(found, item=item)

    @classmethod
    def new(cls, row: Mapping[str, Any], style: Style) -> Line:
        """A line of `row`'s keys and values in `row`'s order."""
        line = cls(b"{}", style)
        line.style = style
        for key, value in row.items():
            line._members.append(line._member(key, style.text(value)))
        if line._members:
            line._members[0].lead = ""
        return line

    def _cut(self, text: str, position: int) -> int:
        """Fill the members from after the brace; the position after the closing brace."""
        first = _skip(text, position)
        if text[first : first + 1] == "}":
            self._head = text[:first]
            return first + 1
        while True:
            quote = _skip(text, position)
            if text[quote : quote + 1] != '"':
                raise ValueError("a key is expected")
            key, end = scanstring(text, quote + 1)
            colon = _skip(text, end)
            if text[colon : colon + 1] != ":":
                raise ValueError("a colon is expected")
            begin = _skip(text, colon + 1)
            member = _Member(text[position:quote], text[quote:end], key, text[end:begin])
            end = _value_end(text, begin)
            member.value = text[begin:end]
            after = _skip(text, end)
            member.trail = text[end:after]
            self._members.append(member)
            if text[after : after + 1] == "}":
                return after + 1
            if text[after : after + 1] != ",":
                raise ValueError("a comma is expected")
            position = after + 1

    def encode(self) -> bytes:
        """The line, without a newline; without edits the bytes it was made from."""
        body = ",".join(member.text() for member in self._members)
        return f"{self._head}{body}{self._tail}".encode()

    def keys(self) -> list[str]:
        """The keys in their order."""
        return [member.key for member in self._members]

    def raw(self, key: str) -> str | None:
        """The JSON text of a value, or None; of a repeated key the last one counts."""
        member = self._find(key)
        return None if member is None else member.value

    def get(self, key: str) -> Any:
        """The decoded value of a key; None when absent."""
        raw = self.raw(key)
        return None if raw is None else json.loads(raw)

    def elements(self, key: str) -> list[str]:
        """The JSON texts of an array's elements; empty when the key holds no array."""
        return array_elements(self.raw(key) or "")

    def set(self, key: str, value: Any) -> None:
        """Write a value in the line's style."""
        self.set_raw(key, self.style.text(value))

    def set_elements(self, key: str, elements: list[str]) -> None:
        """Write an array of JSON texts; an empty one removes the key."""
        if elements:
            self.set_raw(key, self.style.array(elements))
        else:
            self.remove(key)

    def set_raw(self, key: str, text: str) -> None:
        """Write a value that is JSON text already; a new key goes to its usual place."""
        member = self._find(key)
        if member is not None:
            member.value = text
            return
        fresh = self._member(key, text)
        place = self._place(key)
        if place == 0 and self._members:
            fresh.lead, self._members[0].lead = self._members[0].lead, fresh.lead
        elif place == 0:
            fresh.lead = ""
        elif place == len(self._members):
            fresh.trail, self._members[-1].trail = self._members[-1].trail, ""
        self._members.insert(place, fresh)

    def remove(self, key: str) -> None:
        """Take a key out, if it is there."""
        for index in reversed(range(len(self._members))):
            if self._members[index].key == key:
                gone = self._members.pop(index)
                if index == 0 and self._members:
                    self._members[0].lead = gone.lead
                elif index == len(self._members) and self._members:
                    self._members[-1].trail = gone.trail

    def _find(self, key: str) -> _Member | None:
        return next((m for m in reversed(self._members) if m.key == key), None)

    def _member(self, key: str, text: str) -> _Member:
        between = self._members[0].between if self._members else self.style.colon
        member = _Member(self.style.item, self.style.text(key), key, between)
        member.value = text
        return member

    def _place(self, key: str) -> int:
        """Before the first known key that comes later in the usual order; else at the end."""
        rank = FIELD_RANK.get(key, len(FIELD_RANK))
        for index, member in enumerate(self._members):
            if FIELD_RANK.get(member.key, -1) > rank:
                return index
        return len(self._members)


def array_elements(text: str) -> list[str]:
    """The JSON texts of the elements of an array; empty for anything else."""
    if not text.startswith("["):
        return []
    found: list[str] = []
    position = _skip(text, 1)
    while text[position : position + 1] not in {"]", ""}:
        end = _value_end(text, position)
        found.append(text[position:end])
        position = _skip(text, end)
        if text[position : position + 1] == ",":
            position = _skip(text, position + 1)
    return found


def _skip(text: str, position: int) -> int:
    match = _BLANKS.match(text, position)
    return match.end() if match else position


def _value_end(text: str, position: int) -> int:
    try:
        end: int = _scan_value(text, position)[1]
    except (StopIteration, RecursionError) as error:
        raise ValueError("a value is expected") from error
    return end
