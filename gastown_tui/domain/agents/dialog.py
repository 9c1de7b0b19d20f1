"""A dialog on an agent's screen, as it was read: what it asks, and what can be chosen."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

Kind = Literal[
    "permission",
    "question",
    "plan",
    "trust",
    "trust_rules",
    "mcp",
    "api_key",
    "bypass",
    "add_dir",
    "resume",
    "login",
    "limit",
    "onboarding",
    "other",
]
START_UP: Final = frozenset({"trust", "trust_rules", "mcp", "api_key", "bypass", "add_dir"})
"""Kinds that ask for the overseer's word, not for a decision about a step of the work."""


class Dialog(msgspec.Struct, frozen=True, kw_only=True):
    """A numbered dialog that waits for a choice."""

    kind: Kind
    question: str
    """The line that asks, as shown."""
    detail: str = ""
    """What stands above it: the command, the file, the question's text; rows joined by newlines."""
    options: list[str]
    """Texts from the top, without numbers."""
    selected: int
    """Index of the option that carries the pointer."""

    @property
    def at_start(self) -> bool:
        """Whether it asks for the overseer's word about the folder, its servers or its key."""
        return self.kind in START_UP
