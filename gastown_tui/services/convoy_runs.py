"""Convoy formulas in the town: their legs and synthesis as beads of a rig, followed together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gastown_tui.domain import reports
from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.formula.convoy import SYNTHESIS
from gastown_tui.domain.operations import AddDependency, Create, Operation
from gastown_tui.services import convoys

if TYPE_CHECKING:
    from gastown_tui.domain.formula.cook import Protomolecule
    from gastown_tui.domain.formula.schema import Formula
    from gastown_tui.domain.formula.steps import Step
    from gastown_tui.services.books import Books

_LEG = """\
What you find out is wanted as a report: a comment on this bead, and no file in your folder. Where a
file to write to is named below, that comment is meant.

"""
_SYNTHESIS = """\
What the legs found out are comments on their beads, which `gastown prime` names. Where files to
read or to write are named below, those comments, and one of yours on this bead, are meant.

"""


def writes_reports(formula: Formula) -> bool:
    """Whether the legs of a convoy write down what they find instead of changing anything."""
    output = formula.output
    return formula.review_only or bool(output.directory or output.leg_pattern)


def pour(proto: Protomolecule, *, writes: bool) -> list[Operation]:
    """The beads of a convoy formula and the edges between them, to be applied at once.

    Args:
        proto: the cooked formula.
        writes: whether its legs write reports.

    Raises:
        BadInput: it has steps that are more than a piece of work for one agent.
    """
    names = {step.id: f"~leg{number}" for number, step in enumerate(proto.steps)}
    beads: list[Operation] = []
    edges: list[Operation] = []
    for step in proto.steps:
        if step.parent or step.gate or step.waits_for or step.on_complete:
            raise BadInput(
                f"{proto.formula}: {step.id} has parts, or waits for more than a step",
                hint=f"gastown mol pour {proto.formula} makes a molecule of it",
            )
        beads.append(Create(_row(proto, step, names[step.id], writes=writes)))
        edges += [AddDependency(names[step.id], names[need]) for need in step.needs]
    return [*beads, *edges]


def _row(proto: Protomolecule, step: Step, name: str, *, writes: bool) -> dict[str, Any]:
    is_report = writes or step.review_only
    preamble = (_SYNTHESIS if step.source == SYNTHESIS else _LEG) if is_report else ""
    labels = [f"leg:{step.id}", *step.labels]
    labels += [reports.LABEL] if is_report else []
    labels += [f"agent:{step.agent}"] if step.agent else []
    row = {
        "id": name,
        "title": step.title,
        "description": f"{preamble}{step.description}",
        "notes": step.notes,
        "acceptance_criteria": step.acceptance,
        "issue_type": "task",
        "labels": sorted(set(labels)),
        "source_formula": proto.formula,
        "source_location": step.source,
    }
    return row | ({"priority": step.priority} if step.priority is not None else {})


def run(
    books: Books, rig: str, proto: Protomolecule, *, title: str, writes: bool, actor: str
) -> tuple[str, list[str]]:
    """Make the beads of a convoy formula and a convoy that follows them; its id, and theirs."""
    made = books.write_rig(rig, pour(proto, writes=writes), actor=actor).ids
    return convoys.create(books, title or proto.title, made, actor=actor), list(made)
