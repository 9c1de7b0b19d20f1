"""`gastown mol`: make, follow and end molecules, in a town or in any folder with a `.beads`."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_place import OneLine, Place, actor, located
from gastown_tui.cli.common import plain, show, show_json, table
from gastown_tui.cli.mol_end import burn, distill, squash, sweep
from gastown_tui.cli.mol_make import bond, found_molecule, pour, wisp
from gastown_tui.services.molecule_told import name_of

if TYPE_CHECKING:
    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.services.molecules import Standing

_DONE = frozenset({"done", "skipped", "failed"})
_MARKS = {"done": "✓", "skipped": "-", "failed": "✗", "working": "▶", "ready": "○",
          "waiting": "·", "deferred": "z"}  # fmt: skip


@click.group(cls=OneLine)
def mol() -> None:
    """Make, follow and end molecules: work that goes on from step to step, whoever does it."""


for _command in (pour, wisp, bond, squash, burn, distill, sweep):
    mol.add_command(_command)


def _standing(store: BeadStore, root: str) -> Standing:
    from gastown_tui.services.molecules import standing

    return standing(store, root, time.time())


@mol.command("list")
@click.option("--all", "everything", is_flag=True, help="With closed ones.")
@click.option("--wisps", is_flag=True, help="Only ephemeral ones.")
@located
def list_molecules(
    folder: str | None, rig: str | None, *, everything: bool, wisps: bool, as_json: bool
) -> None:
    """List molecules with how far they are; in a town those of all rigs."""
    from gastown_tui.domain.formula.marks import MOLECULE
    from gastown_tui.services.molecules import top_ones

    rows: list[dict[str, Any]] = []
    for store in Place(folder=folder, rig=rig).open_all():
        found = store.list(issue_type=MOLECULE, include_closed=everything, include_wisps=True)
        for root in top_ones(store, found):
            if wisps and not root.ephemeral:
                continue
            made = _standing(store, root.id).progress
            now = made.current[0].step if made.current else ""
            rows.append({"molecule_id": root.id, "molecule_title": root.title,
                         "phase": "vapor" if root.ephemeral else "liquid", "status": root.status,
                         "assignee": root.assignee, "completed": made.done, "total": made.total,
                         "current_step": now})  # fmt: skip
    if as_json:
        show_json(rows)
        return
    table(
        ("MOLECULE", "PHASE", "DONE", "NOW AT", "TITLE"),
        (
            (r["molecule_id"], r["phase"], f"{r['completed']}/{r['total']}", r["current_step"],
             r["molecule_title"])
            for r in rows
        ),
    )  # fmt: skip


@mol.command("show")
@click.argument("id_", metavar="ID")
@located
def show_molecule(id_: str, folder: str | None, rig: str | None, *, as_json: bool) -> None:
    """Show a molecule with all of its steps."""
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.formula.progress import below_root

    store, root = found_molecule(folder, rig, id_)
    found = _standing(store, root.id)
    if as_json:
        inside = below_root(root.id, found.beads)
        show_json({
            "root": bead_output.row(store, root),
            "issues": [bead_output.row(store, found.beads[one]) for one in inside],
            "completed": found.progress.done,
            "total": found.progress.total,
        })  # fmt: skip
        return
    _page(found)


def _page(found: Standing) -> None:
    made = found.progress
    show(plain(f"{made.root} {found.root.title}: {made.done} of {made.total} steps are closed"))
    now = {(one.bead, one.step) for one in made.current}
    for one in made.steps:
        mark = "▶" if (one.bead, one.step) in now else _MARKS[one.state]
        who = f" @{one.assignee}" if one.assignee and one.bead != made.root else ""
        why = f"  waits for {', '.join(one.waits_for)}" if one.state == "waiting" else ""
        asks = "".join(f"  ({asked})" for asked in one.asks)
        name = name_of(made.root, one)
        label = f"{name} [{one.step}]" if one.step != name else name
        show(plain(f"{mark} {label} {one.title}{who}{why}{asks}"))


@mol.command()
@click.argument("id_", metavar="[ID]", required=False, default="")
@click.option("--for", "agent", default="", help="Whose molecules, when no ID is given.")
@located
def current(id_: str, folder: str | None, rig: str | None, *, agent: str, as_json: bool) -> None:
    """Show where molecules are: of one, or of all that are an agent's (yours)."""
    from gastown_tui.domain.formula.marks import MOLECULE
    from gastown_tui.services.molecules import top_ones

    if id_:
        store, root = found_molecule(folder, rig, id_)
        pairs = [(store, root)]
    else:
        whose = agent or actor(os.environ)
        pairs = [
            (store, root)
            for store in Place(folder=folder, rig=rig).open_all()
            for root in top_ones(store, store.list(issue_type=MOLECULE, include_wisps=True))
            if root.assignee == whose
        ]
    standings = [(store, _standing(store, root.id)) for store, root in pairs]
    if as_json:
        show_json([_current_row(store, found) for store, found in standings])
        return
    for number, (_, found) in enumerate(standings):
        if number:
            show()
        _page(found)
    if not standings:
        show("No molecule is yours.")


def _current_row(store: BeadStore, found: Standing) -> dict[str, Any]:
    """A molecule as `bd mol current --json` tells it."""
    from gastown_tui.cli import bead_output

    made = found.progress
    words = {"working": "current", "ready": "ready", "waiting": "blocked", "deferred": "pending"}
    turn = {(one.bead, one.step) for one in made.current}
    steps: list[dict[str, Any]] = []
    for one in made.steps:
        if one.bead == made.root:
            issue: dict[str, Any] = {"id": one.step, "title": one.title, "status": one.state}
        else:
            issue = bead_output.row(store, found.beads[one.bead])
        is_turn = (one.bead, one.step) in turn
        word = "done" if one.state in _DONE else words[one.state]
        word = "pending" if word == "ready" and not is_turn else word
        steps.append({"issue": issue, "status": word, "is_current": word == "current"})
    begun = [step["issue"] for step in steps if step["status"] == "current"]
    free = [step["issue"] for step in steps if step["status"] == "ready"]
    return {
        "molecule_id": made.root,
        "molecule_title": found.root.title,
        "assignee": found.root.assignee,
        "current_step": begun[0] if begun else None,
        "next_step": free[0] if free else None,
        "steps": steps,
        "completed": made.done,
        "total": made.total,
    }


@mol.command()
@click.argument("id_", metavar="ID")
@located
def progress(id_: str, folder: str | None, rig: str | None, *, as_json: bool) -> None:
    """Show how far a molecule is, and when it may be done."""
    store, root = found_molecule(folder, rig, id_)
    made = _standing(store, root.id).progress
    begun = [one for one in made.steps if one.state == "working"]
    now = made.current[0] if made.current else None
    percent = 100 * made.done / made.total if made.total else 100.0
    if as_json:
        rate = 3600 / made.pace_s if made.pace_s else 0.0
        show_json({
            "molecule_id": root.id,
            "molecule_title": root.title,
            "total": made.total,
            "completed": made.done,
            "in_progress": len(begun),
            "current_step_id": name_of(root.id, now) if now else "",
            "percent": percent,
            "rate_per_hour": rate,
            "eta_hours": (made.remaining_s or 0.0) / 3600,
        })  # fmt: skip
        return
    show(plain(f"{root.id} {root.title}"))
    show(f"{made.done} of {made.total} steps are closed ({percent:.0f}%)")
    if now:
        show(plain(f"now at {name_of(root.id, now)} {now.title}"))
    if made.remaining_s and not made.is_finished:
        show(f"at the pace so far, done in {_length(made.remaining_s)}")


def _length(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
