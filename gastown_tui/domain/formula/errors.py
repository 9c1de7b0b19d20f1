"""What is wrong with a formula: refusals, and remarks that stop nothing."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Literal

import msgspec

from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable


class FormulaError(BadInput):
    """A formula that cannot be used: names the file, the key and the reason."""

    def __init__(self, path: str, key: str, reason: str, *, hint: str = "") -> None:
        self.path = path
        """The file, as it is shown."""
        self.key = key
        """Where in it, as in `steps[2].needs`; empty for the whole file."""
        self.reason = " ".join(reason.split())
        super().__init__(f"{path}: {key}: {self.reason}" if key else f"{path}: {self.reason}",
                         hint=hint)  # fmt: skip


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One remark on a formula; only an `error` keeps it from being cooked."""

    level: Literal["error", "warning"] = "warning"
    key: str
    """Where, as in `steps[2].needs`; empty for the whole file."""
    text: str


def closest(word: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or what there is; empty when there is nothing."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.7)
    if near:
        return f"did you mean {near[0]}?"
    shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
    return f"known: {shown}" if names else ""
