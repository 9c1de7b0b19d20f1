"""What the beads around a piece of work say, told to programs: its steps, and what it builds on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gastown_tui.domain import reports

if TYPE_CHECKING:
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.formula.progress import StepState
    from gastown_tui.services.molecules import MoleculeStore, Next


def told(found: Next) -> dict[str, Any]:
    """A next step as JSON values, for `gastown step --json` and `gastown prime --json`."""
    step = found.step
    return {
        "molecule": found.molecule,
        "title": found.title,
        "done": found.done,
        "total": found.total,
        "finished": found.is_finished,
        "eta_s": found.remaining_s,
        "waits_for": list(found.waits_for),
        "step": None
        if step is None
        else {
            "id": name_of(found.molecule, step),
            "step": step.step,
            "title": step.title,
            "state": step.state,
            "description": found.text,
            "acceptance_criteria": found.acceptance,
            "asks": list(step.asks),
        },
    }


def name_of(root: str, step: StepState) -> str:
    """What a step is called in commands: its bead, or its own id when it has none."""
    return step.step if step.bead == root else step.bead


def work_facts(store: MoleculeStore, bead: Bead | None, address: str, now: float) -> dict[str, Any]:
    """What the beads around the one on the hook say, as further facts of `gastown prime --json`.

    Args:
        store: of the bead.
        bead: on the hook.
        address: of the agent.
        now: seconds since the epoch.
    """
    from gastown_tui.services.molecules import Worker, got, molecules_of, next_step

    if bead is None:
        return {"result": "", "molecule": None, "reports": []}
    step: Next | None = None
    for root in molecules_of(store, bead.id)[:1]:
        step = next_step(store, root.id, Worker(agent=address, now=now), begins=False)
    blockers = [edge.depends_on_id for edge in bead.dependencies if edge.type == "blocks"]
    found = (got(store, one) for one in blockers)
    return {
        "result": reports.REPORT if reports.is_wanted(bead) else "change",
        "molecule": told(step) if step else None,
        "reports": [
            {"bead": one.id, "title": one.title} for one in found if one and reports.is_wanted(one)
        ],
    }
