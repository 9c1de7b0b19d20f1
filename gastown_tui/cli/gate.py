"""`gastown gate`: what holds steps back until something outside has happened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from gastown_tui.cli.bead_place import OneLine, Place, actor, apply, located, town_around
from gastown_tui.cli.common import age, plain, refuse_sessions, show, show_json, table
from gastown_tui.domain.errors import BadInput, Conflict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.services.gate_beads import GateBeads


@click.group(cls=OneLine)
def gate() -> None:
    """Gates: what steps wait for outside of their molecule."""


@gate.command("list")
@click.option("--all", "is_all", is_flag=True, help="Open ones and those that have opened.")
@located
def list_gates(*, is_all: bool, as_json: bool, rig: str | None, folder: str | None) -> None:
    """List gates, what each waits for, and how long already."""
    from gastown_tui.domain.bead import instant, to_row

    stores = Place(folder=folder, rig=rig).open_all()
    found = [bead for store in stores for bead in _gates(store, closed=is_all)]
    if as_json:
        show_json([to_row(bead) for bead in found])
        return
    if not found:
        show("no gates" if is_all else "no gate is shut")
        return
    rows = [
        (bead.id, bead.status, bead.await_type or "human", bead.await_id or _limit(bead),
         age(instant(bead.created_at)), bead.title)
        for bead in found
    ]  # fmt: skip
    table(("GATE", "STATUS", "TYPE", "FOR", "AGE", "TITLE"), rows)


def _gates(store: BeadStore, *, closed: bool) -> Sequence[Bead]:
    from gastown_tui.domain.bead_gates import GATE

    return store.list(issue_type=GATE, include_closed=closed, include_wisps=True)


def _limit(bead: Bead) -> str:
    from gastown_tui.domain.bead_gates import length

    return length(bead.timeout / 1e9) if bead.timeout else ""


@gate.command("show")
@click.argument("gate_id")
@located
def show_gate(*, gate_id: str, as_json: bool, rig: str | None, folder: str | None) -> None:
    """Show a gate, and who waits for it."""
    from gastown_tui.domain.bead import to_row

    store = Place(folder=folder, rig=rig).open([gate_id])
    bead = _gate(store, gate_id)
    waiting = [name for name, kind in store.dependents(bead.id) if kind == "blocks"]
    if as_json:
        show_json(to_row(bead) | {"holds": waiting})
        return
    show(plain(f"{bead.id} [{bead.status}] {bead.title}"))
    show(plain(f"waits for: {bead.await_type or 'human'} {bead.await_id or _limit(bead)}").rstrip())
    for line in bead.description.splitlines():
        show(plain(f"| {line}"))
    if bead.close_reason:
        show(plain(f"opened: {bead.close_reason}"))
    show(f"holds back: {', '.join(waiting) or 'nothing'}")


def _gate(store: BeadStore, given: str) -> Bead:
    """The gate that is meant.

    Raises:
        BadInput: the bead is no gate.
    """
    from gastown_tui.domain.bead_gates import GATE

    bead = store.get(store.find(given))
    if bead.issue_type != GATE:
        raise BadInput(f"{bead.id} is a {bead.issue_type}, not a gate", hint="gastown gate list")
    return bead


@gate.command("create")
@click.argument("bead_id")
@click.option("--type", "kind", default="human", help="human, timer, bead, mail, gh:run, gh:pr.")
@click.option("--for", "awaited", default="", help="The bead, run, workflow or pull request.")
@click.option("--timeout", default="", metavar="30m", help="A timer's length; else when to call.")
@click.option("--title", default="", help="What is decided.")
@located
def create_gate(**given: Any) -> None:
    """Make BEAD wait for a gate; prints the gate's id."""
    from gastown_tui.domain.bead import plain as as_json
    from gastown_tui.domain.bead_gates import GATE
    from gastown_tui.domain.formula import gates
    from gastown_tui.domain.formula.schema import Gate
    from gastown_tui.domain.operations import AddDependency, Create

    kind, awaited = given["kind"], given["awaited"]
    wrong = gates.problem(Gate(type=kind, await_id=awaited, timeout=given["timeout"]))
    if wrong or kind == gates.CONDITIONAL:
        raise BadInput(wrong or "a condition belongs into a formula")
    store = Place(folder=given["folder"], rig=given["rig"]).open([given["bead_id"]])
    bead = store.get(store.find(given["bead_id"]))
    if bead.is_closed:
        raise Conflict(f"{bead.id} is closed: nothing of it can wait")
    fields = {
        "id": "~gate", "issue_type": GATE, "status": "open", "await_type": kind,
        "await_id": awaited, "timeout": gates.nanoseconds(given["timeout"]),
        "title": given["title"] or f"Gate: {kind} {awaited}".rstrip(),
        "ephemeral": bead.ephemeral,
    }  # fmt: skip
    row = {key: as_json(value) for key, value in fields.items() if value or key == "id"}
    applied = apply(store, [Create(bead=row), AddDependency(bead=bead.id, depends_on="~gate")])
    if given["as_json"]:
        show_json({"id": applied.ids[0], "holds": [bead.id]})
    else:
        show(applied.ids[0])


@gate.command("resolve")
@click.argument("gate_ids", nargs=-1, required=True)
@click.option("--reason", default="", help="What was decided.")
@located
def resolve(
    *, gate_ids: tuple[str, ...], reason: str, as_json: bool, rig: str | None, folder: str | None
) -> None:
    """Open gates by hand: what waits for them goes on."""
    from gastown_tui.cli.common import poke
    from gastown_tui.domain.bead_gates import opening

    opened: list[str] = []
    towns: set[Path] = set()
    for given in gate_ids:
        store = Place(folder=folder, rig=rig).open([given])
        bead = _gate(store, given)
        if bead.is_closed:
            raise Conflict(f"{bead.id} has opened already: {bead.close_reason}")
        apply(store, opening(bead, reason or f"opened by {actor(os.environ)}"))
        opened.append(bead.id)
        if town := town_around(store):
            towns.add(town)
    for town in towns:
        poke(town)
    if as_json:
        show_json([{"id": one, "status": "closed"} for one in opened])
    else:
        show(f"open: {', '.join(opened)}")


@gate.command("check")
@located
def check(*, as_json: bool, rig: str | None, folder: str | None) -> None:
    """Look at all gates now; opens those whose time has come. In a town the controller does it."""
    import asyncio
    import time

    stores = Place(folder=folder, rig=rig).open_all()
    for town in {town for store in stores if (town := town_around(store))}:
        refuse_sessions(town, "gate_check")  # it would believe the caller's own `gh`
    calls: list[dict[str, str]] = []
    gates = _watcher(stores, calls)
    before = {one.id for store in stores for one in _gates(store, closed=False)}
    asyncio.run(gates.look(time.time()))
    left = {one.gate.id: one.verdict.why for one in gates.standing}
    opened = sorted(before - left.keys())
    if as_json:
        show_json({"opened": opened, "escalated": calls, "waiting": left})
        return
    for name in opened:
        show(f"{name} is open")
    for name, why in left.items():
        show(plain(f"{name} waits: {why}"))
    if not opened and not left:
        show("no gate is shut")


def _watcher(stores: Sequence[BeadStore], calls: list[dict[str, str]]) -> GateBeads:
    from gastown_tui.adapters.gh import GitHub
    from gastown_tui.services import gate_beads

    places = [
        gate_beads.Place(
            name=str(store.beads_dir), prefix=store.prefix, store=store,
            repository=_repository(store),
        )
        for store in stores
    ]  # fmt: skip

    def escalate(_place: gate_beads.Place, bead: Bead, why: str) -> None:
        calls.append({"id": bead.id, "why": why})

    return gate_beads.GateBeads(lambda: places, GitHub(os.environ).ask, escalate=escalate)


def _repository(store: BeadStore) -> str:
    """The upstream of the rig or repository that the beads lie in; empty when there is none."""
    from gastown_tui.adapters import town_files
    from gastown_tui.adapters.git.quick import origin
    from gastown_tui.domain.errors import NotFound
    from gastown_tui.roots.town import rig_config

    folder = store.beads_dir.resolve().parent
    try:
        town = town_files.find_town(None, os.environ)
    except NotFound:
        return origin(folder)
    if folder.parent == town and (folder / "rig.toml").is_file():
        return rig_config(town, folder.name).upstream
    return "" if folder == town else origin(folder)
