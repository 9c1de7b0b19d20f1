"""`gastown sling|done|hook|prime`: work, for the overseer and for agents."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from gastown_tui.cli.common import caller, poke, show, show_json, town_dir
from gastown_tui.domain.errors import BadInput, Conflict

if TYPE_CHECKING:
    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.config import RigConfig
    from gastown_tui.services.books import Books


@click.command()
@click.argument("bead")
@click.argument("rig", required=False, default="")
@click.option("--agent", default="", metavar="NAME", help="This polecat; any free one without.")
@click.option("--formula", default="", metavar="NAME", help="Step by step, by this formula.")
@click.option("-v", "--var", "variables", multiple=True, metavar="NAME=VALUE", help="Of it.")
def sling(bead: str, rig: str, agent: str, formula: str, variables: tuple[str, ...]) -> None:
    """Hand BEAD to a polecat: it starts as soon as nothing blocks it and there is room."""
    from gastown_tui.cli.startable import tell_unstartable
    from gastown_tui.domain.names import polecat
    from gastown_tui.roots.town import open_books, town_config
    from gastown_tui.services import slinging

    town = town_dir()
    books = open_books(town)
    bead = _full_id(books, bead)
    if agent and "/" not in agent:
        agent = polecat(rig or books.rig_of(bead), agent)
    molecule = None
    if formula:
        from gastown_tui.cli.formula import cooked_for_town

        subject, home = books.bead(bead), books.rig_of(bead)
        molecule, _ = cooked_for_town(town, home, formula, variables, subject=subject)
    elif variables:
        raise BadInput("--var is of a formula", hint="--formula NAME")
    wanted = {"rig": rig, "agent": agent}
    who = caller(town)
    text = slinging.sling(books, town_config(town).id, bead, wanted, who, molecule)
    is_up = poke(town)
    show(text if is_up else f"{text}; it is stored, and goes when the town is up (`gastown up`)")
    if who != "mayor":
        tell_unstartable(town, [books.rig_of(bead)], books.bead(bead).label("agent") or "")


def _full_id(books: Books, given: str) -> str:
    """The id that is meant by a part of it, if only one bead is.

    Raises:
        NotFound: none is.
        BadInput: it is no id, or several are meant.
    """
    store = books.rigs[books.rig_of(given)].store
    return cast("BeadStore", store).find(given)


def _me() -> tuple[Path, str, str]:
    """Town, rig and address of the agent that calls."""
    from gastown_tui.domain.names import split_address

    address = os.environ.get("GASTOWN_AGENT", "")
    rig = os.environ.get("GASTOWN_RIG", "")
    if not address or not rig or split_address(address)[0] != rig:
        raise BadInput(
            "this verb is for agents, in their sessions", hint="you may want `gastown agents`"
        )
    return town_dir(), rig, address


def _hooked(town: Path, rig: str, address: str) -> tuple[Any, Bead | None]:
    from gastown_tui.roots.town import rig_config, rig_store, town_config

    store = rig_store(town, rig_config(town, rig))
    mine = town_config(town).id
    for status in ("hooked", "in_progress"):
        for bead in store.list(status=status, assignee=address):
            if bead.label("town") == mine:
                return store, bead
    return store, None


@click.command()
def done() -> None:
    """Hand the branch in: the refinery tests it and lands it."""
    from gastown_tui.domain import reports
    from gastown_tui.domain.operations import Require, SetState

    town, rig, address = _me()
    store, bead = _hooked(town, rig, address)
    if bead is None:
        raise Conflict("there is nothing on your hook")
    is_report = reports.is_written(bead, address)
    _must_be_fit(town, rig, address, bead, is_report=is_report)
    token = os.environ.get("GASTOWN_RUN", "")[-24:] or "done"
    count = store.last_change
    store.apply(
        [
            Require(bead=bead.id, assignee=address, status=("hooked", "in_progress")),
            SetState(bead=bead.id, dimension="done", value=f"{token}.{count}"),
        ],
        actor=address,
    )
    store.close()
    poke(town)
    text = "The refinery tests and lands it; if it comes back you are told."
    if is_report:
        text = "The report is taken as it is; a change, if there is any, is tested and landed."
    show(f"{bead.id} is handed in. {text}")


def _target(config: RigConfig) -> str:
    """The branch that work of a rig lands on, as agents name it."""
    return f"{'gastown' if config.land == 'local' else 'origin'}/{config.default_branch}"


def _must_be_fit(town: Path, rig: str, address: str, bead: Bead, *, is_report: bool) -> None:
    """Tell the agent at once what the refinery would refuse later.

    Raises:
        Conflict: it is on another branch, or there is neither a change nor a report to hand in.
    """
    from gastown_tui.adapters.git.quick import unfit
    from gastown_tui.domain import reports
    from gastown_tui.roots.town import rig_config

    branch = os.environ.get("GASTOWN_GUARD_BRANCH", "")
    # without a target nothing is counted: a report needs no commits, only the right branch
    target = "" if is_report else _target(rig_config(town, rig))
    why = unfit(town / address, branch, target) if branch else ""
    if not why:
        return
    hint = f"commit your work on {branch}; if there is nothing to do, say so in a comment"
    if reports.is_wanted(bead) and not is_report:
        hint = f'the report comes first: gastown bead comment {bead.id} "..."'
    raise Conflict(f"nothing is handed in: {why}", hint=hint)


@click.command()
@click.option("--json", "as_json", is_flag=True)
def hook(as_json: bool) -> None:
    """What is on your hook."""
    town, rig, address = _me()
    _, bead = _hooked(town, rig, address)
    if as_json:
        show_json(
            {"agent": address, "bead": bead.id if bead else "", "title": bead.title if bead else ""}
        )
    else:
        show(f"{bead.id} {bead.title}" if bead else "Your hook is empty.")


@click.command()
@click.option("--json", "as_json", is_flag=True)
def prime(as_json: bool) -> None:
    """The work on your hook, why it came back if it did, and the town's rules."""
    from gastown_tui.roots.town import rig_config, rig_names, town_store
    from gastown_tui.services.molecule_told import work_facts
    from gastown_tui.services.priming import mayor_text, prime_facts, prime_text

    if os.environ.get("GASTOWN_ROLE") == "mayor":
        town = town_dir()
        rigs = [rig_config(town, name) for name in rig_names(town)]
        text = mayor_text(str(town), rigs, *_of_the_town(town))
        if as_json:
            show_json({"agent": "mayor", "rig": "", "state": "none", "bead": "", "text": text})
        else:
            show(text)
        return
    town, rig, address = _me()
    store, bead = _hooked(town, rig, address)
    config = rig_config(town, rig)
    facts = prime_facts(config, town_store(town), address, bead, _target(config))
    facts |= work_facts(store, bead, address, time.time())
    if as_json:
        show_json(facts)
    else:
        show(prime_text(facts))


def _of_the_town(town: Path) -> tuple[list[str], list[str]]:
    """What is proposed, and what is worked on, a line each."""
    from gastown_tui.roots.town import open_books
    from gastown_tui.services import proposals

    books = open_books(town)
    proposed = [f"- {one.id} {one.title}" for one in proposals.waiting(books)]
    flight = [
        f"- {bead.id} {bead.title}: {bead.assignee}"
        for rig in books.rigs.values()
        for bead in rig.store.list()
        if bead.status in {"hooked", "in_progress"}
    ]
    return proposed, flight


@click.command("agent-stop")
def agent_stop() -> None:
    """Decide, for a Stop hook, whether the agent goes back to its hook; JSON in, JSON out."""
    from gastown_tui.domain.agents.stop import StopFacts, stop_decision
    from gastown_tui.domain.records import TOWN_RECORD, town_wanted
    from gastown_tui.roots.town import town_store
    from gastown_tui.services.priming import agent_and_request

    town, rig, address = _me()
    try:
        asked = json.loads(sys.stdin.read(1_000_000) or "{}")
    except ValueError:
        asked = {}
    _, bead = _hooked(town, rig, address)
    store = town_store(town)
    agent, request = agent_and_request(store, rig, address, bead.id if bead else "")
    is_handed_in = request is not None and request.state != "rework"
    reason = stop_decision(
        StopFacts(
            bead=bead.id if bead else "",
            done_filed=is_handed_in or (bead is not None and bead.label("done") is not None),
            sent_back=bool(isinstance(asked, dict) and asked.get("stop_hook_active")),
            wanted=agent.wanted if agent else "running",
            town=town_wanted(store.get(TOWN_RECORD)),
        )
    )
    if reason:
        show_json({"decision": "block", "reason": reason})
