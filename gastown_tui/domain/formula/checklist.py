"""The steps of a molecule as text in one bead, for wisps that have no bead for each step.

What is done stands in labels of the bead, `done:<step>` and `skipped:<step>`, and what is begun in
`doing:<step>`; the text never changes.
"""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING, Final

import msgspec

from gastown_tui.domain.formula.marks import UNTIL, WITH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gastown_tui.domain.formula.steps import Step

HEADING: Final = "## Steps"
"""Begins the list; the last such line counts."""
DONE: Final = "done:"
SKIPPED: Final = "skipped:"
DOING: Final = "doing"
"""The dimension of the label that names the step which is begun."""
_ITEM: Final = re.compile(r"- \[(\S+)\] (.*)")
_MARK: Final = re.compile(r"    (after|part of|done|only if|skip if|skip with): (.+)")
_CONDITIONAL: Final = "conditional"
_ALONGSIDE: Final = "side by side with others"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the list."""

    id: str
    title: str
    needs: tuple[str, ...] = ()
    parent: str = ""
    parallel: bool = False
    only_if: str = ""
    """What must hold before it is begun."""
    skip_if: str = ""
    skip_with: str = ""
    """The step that it is skipped with."""
    text: str = ""
    """What it says, with what is true when it is done."""


def render(description: str, steps: Iterable[Step]) -> str:
    """A description, followed by the list of steps with what each says."""
    lines = [description.rstrip(), ""] if description.strip() else []
    lines += [HEADING, ""]
    for step in steps:
        lines.append(f"- [{step.id}] {step.title}")
        lines += [f"    {mark}: {' '.join(value.split())}" for mark, value in _marks(step) if value]
        text = step.description.strip("\n")
        if step.acceptance:
            text = f"{text}\n\nDone when: {step.acceptance}".lstrip("\n")
        lines += ["", *([textwrap.indent(text, "    "), ""] if text.strip() else [])]
    return "\n".join(lines).rstrip() + "\n"


def _marks(step: Step) -> Iterator[tuple[str, str]]:
    yield "after", ", ".join(step.needs)
    yield "part of", step.parent
    yield "done", _ALONGSIDE if step.parallel else ""
    if step.gate is not None and step.gate.type == _CONDITIONAL:
        yield "only if", step.gate.condition
    for label in step.labels:
        if label.startswith(UNTIL):
            yield "skip if", label.removeprefix(UNTIL)
        elif label.startswith(WITH):
            yield "skip with", label.removeprefix(WITH)


def read(text: str) -> list[Item]:
    """The steps of a list that `render` made; none when there is no list."""
    lines = text.split("\n")
    if HEADING not in lines:
        return []
    start = len(lines) - lines[::-1].index(HEADING)
    items: list[Item] = []
    said: list[list[str]] = []
    is_open = False
    for line in lines[start:]:
        found = _ITEM.fullmatch(line)
        mark = _MARK.fullmatch(line) if is_open else None
        if found:
            items.append(Item(id=found[1], title=found[2]))
            said.append([])
        elif mark and items:
            items[-1] = _marked(items[-1], mark[1], mark[2])
        elif items:
            said[-1].append(line)
        is_open = bool(found or mark)
    return [
        msgspec.structs.replace(item, text=textwrap.dedent("\n".join(texts)).strip())
        for item, texts in zip(items, said, strict=True)
    ]


def _marked(item: Item, mark: str, value: str) -> Item:
    if mark == "after":
        return msgspec.structs.replace(item, needs=tuple(value.split(", ")))
    if mark == "done":
        return msgspec.structs.replace(item, parallel=value == _ALONGSIDE)
    field = {"part of": "parent", "only if": "only_if", "skip if": "skip_if",
             "skip with": "skip_with"}[mark]  # fmt: skip
    return msgspec.structs.replace(item, **{field: value})
