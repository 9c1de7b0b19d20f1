"""The steps of a molecule as text in one bead, for wisps that have no bead for each step.

What is done stands in labels of the bead, `done:<step>` and `skipped:<step>`; the text never
changes.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_tui.domain.formula.steps import Step

HEADING: Final = "## Steps"
"""Begins the list; the last such line counts."""
DONE: Final = "done:"
SKIPPED: Final = "skipped:"
_ITEM: Final = re.compile(r"- \[(\S+)\] (.*)")
_MARK: Final = re.compile(r"    (after|part of|done): (.+)")
_ALONGSIDE: Final = "side by side with others"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the list."""

    id: str
    title: str
    needs: tuple[str, ...] = ()
    parent: str = ""
    parallel: bool = False


def render(description: str, steps: Iterable[Step]) -> str:
    """A description, followed by the list of steps with what each says."""
    lines = [description.rstrip(), ""] if description.strip() else []
    lines += [HEADING, ""]
    for step in steps:
        lines.append(f"- [{step.id}] {step.title}")
        if step.needs:
            lines.append(f"    after: {', '.join(step.needs)}")
        if step.parent:
            lines.append(f"    part of: {step.parent}")
        if step.parallel:
            lines.append(f"    done: {_ALONGSIDE}")
        text = step.description.strip("\n")
        if step.acceptance:
            text = f"{text}\n\nDone when: {step.acceptance}".lstrip("\n")
        lines += ["", *([textwrap.indent(text, "    "), ""] if text.strip() else [])]
    return "\n".join(lines).rstrip() + "\n"


def read(text: str) -> list[Item]:
    """The steps of a list that `render` made; none when there is no list."""
    lines = text.split("\n")
    if HEADING not in lines:
        return []
    start = len(lines) - lines[::-1].index(HEADING)
    items: list[Item] = []
    is_open = False
    for line in lines[start:]:
        found = _ITEM.fullmatch(line)
        mark = _MARK.fullmatch(line) if is_open else None
        if found:
            items.append(Item(id=found[1], title=found[2]))
        elif mark and items:
            items[-1] = _marked(items[-1], mark[1], mark[2])
        is_open = bool(found or mark)
    return items


def _marked(item: Item, mark: str, value: str) -> Item:
    if mark == "after":
        return msgspec.structs.replace(item, needs=tuple(value.split(", ")))
    if mark == "part of":
        return msgspec.structs.replace(item, parent=value)
    return msgspec.structs.replace(item, parallel=value == _ALONGSIDE)
