"""The condition of a step: whether it is part of the molecule at all.

`{{v}}`, `!{{v}}`, `{{v}} == x` and `{{v}} != x`; empty, `false`, `0`, `no` and `off` are false.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONDITION: Final = re.compile(
    r"\s*(?P<negated>!)?\s*\{\{\s*(?P<name>[A-Za-z_]\w*)\s*\}\}\s*"
    r"(?:(?P<sign>==|!=)\s*(?P<value>.*?))?\s*",
    re.DOTALL,
)
LONGEST: Final = 1_000
"""Characters of a condition."""
_FALSE: Final = frozenset({"", "false", "0", "no", "off"})


def holds(condition: str, values: Mapping[str, str]) -> bool:
    """Whether a step with this condition is kept.

    Raises:
        ValueError: it is no condition, or asks for a variable that there is not.
    """
    if len(condition) > LONGEST:
        raise ValueError(f"a condition has at most {LONGEST} characters")
    found = _CONDITION.fullmatch(condition)
    if found is None or (found["negated"] and found["sign"]):
        raise ValueError(f"{condition!r} is no condition: write {{{{v}}}}, !{{{{v}}}}, "
                         "{{v}} == x or {{v}} != x")  # fmt: skip
    value = values.get(found["name"])
    if value is None:
        raise ValueError(f"{found['name']!r} has no value")
    if found["sign"] is None:
        return (value.strip().lower() not in _FALSE) != bool(found["negated"])
    return (value == _bare(found["value"])) == (found["sign"] == "==")


def _bare(text: str) -> str:
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text
