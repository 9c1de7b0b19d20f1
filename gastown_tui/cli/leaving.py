"""`gastown rig remove` and `gastown uninstall`: everything of ours is taken out again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.common import actor, plain, poke, refuse_sessions, show, show_json, town_dir
from gastown_tui.domain.errors import BadInput, Conflict, GastownError, Unavailable

if TYPE_CHECKING:
    from gastown_tui.domain.leaving import Leaving

_LET_GO_S = 180.0
"""For git of the rig to come to an end, and for its sessions."""


@click.command("remove")
@click.argument("name")
@click.option("--discard", is_flag=True, help="Also what has not landed: it is lost.")
@click.option("--json", "as_json", is_flag=True)
def rig_remove(name: str, discard: bool, as_json: bool) -> None:
    """Take the rig NAME out of the town: its sessions, worktrees, clone, beads and records.

    What has not landed is listed, and nothing is removed then without --discard.
    """
    from gastown_tui.domain.names import check_rig
    from gastown_tui.roots.leaving import remove_rig

    town = town_dir()
    refuse_sessions(town, "remove_rig", name)
    check_rig(name)

    def may(found: Leaving) -> None:
        _refuse_loss(found, discard=discard, as_json=as_json)

    try:
        found = remove_rig(
            town, name, os.environ, actor=actor(), may=may, let_go=lambda: _let_go(town, name)
        )
    finally:
        poke(town)
    if as_json:
        show_json(_as_json(found, removed=True))
        return
    show(f"The rig {name} is removed.")
    _show_outside(found.outside)


@click.command()
@click.option("--discard", is_flag=True, help="Also what has not landed: it is lost.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True)
def uninstall(discard: bool, yes: bool, as_json: bool) -> None:
    """Take the whole town away: every rig, the daemons, and all that is kept outside of it.

    What has not landed is listed, and nothing is removed then without --discard.
    """
    from gastown_tui.adapters.leaving import package_removal
    from gastown_tui.domain.leaving import Leaving, in_words
    from gastown_tui.roots.leaving import remove_town, rigs_of, survey_town

    town = town_dir()
    refuse_sessions(town, "uninstall")
    found = survey_town(town, os.environ)
    _refuse_loss(found, discard=discard, as_json=as_json)
    if not as_json:
        rigs = ", ".join(rigs_of(town)) or "none"
        show(f"What goes: the town in {town} with all its beads, and its rigs ({rigs}).")
        for line in in_words(found.unlanded):
            show(line)
    if not yes:
        _ask(town)

    def may(now: Leaving) -> None:
        _refuse_loss(now, discard=discard, as_json=as_json)

    found = remove_town(town, os.environ, may=may)
    outside = (*found.outside, f"the program itself: {package_removal()}")
    if as_json:
        show_json(_as_json(Leaving(unlanded=found.unlanded, outside=outside), removed=True))
        return
    show(f"The town in {town} is removed.")
    _show_outside(outside)


def _ask(town: Path) -> None:
    from gastown_tui.cli.consent import is_person

    if not is_person():
        raise BadInput("uninstall asks at a terminal", hint="say --yes")
    if not click.confirm(f"Remove the town in {plain(town)} for good?", default=False):
        raise Conflict("nothing was removed")


def _refuse_loss(found: Leaving, *, discard: bool, as_json: bool) -> None:
    """Show what would be lost and refuse, unless the person has said that it may be."""
    from gastown_tui.domain.leaving import in_words, summary

    if discard or not found.unlanded:
        return
    if as_json:
        show_json(_as_json(found, removed=False))
    else:
        for line in in_words(found.unlanded):
            show(line)
    raise Conflict(
        f"this would be lost: {summary(found.unlanded)}", hint="land it, or say --discard"
    )


def _let_go(town: Path, name: str) -> None:
    """Have the controller forget the rig, if one runs."""
    from gastown_tui import protocol
    from gastown_tui.cli.common import feed_link

    try:
        link = feed_link(town)
    except (Unavailable, BadInput):
        return
    with link:
        frame = protocol.Ask(req=link.next_req(), verb="remove_rig", target=name, actor=actor())
        receipt = link.ask(frame, timeout_s=_LET_GO_S)
    if not isinstance(receipt, protocol.Receipt):
        raise Unavailable("the controller gave no receipt")
    if not receipt.ok:
        raise GastownError(receipt.text)


def _as_json(found: Leaving, *, removed: bool) -> dict[str, object]:
    import msgspec

    return {"removed": removed, **msgspec.to_builtins(found)}


def _show_outside(outside: Sequence[str]) -> None:
    if outside:
        show("Left as it is, outside of the town:")
    for line in outside:
        show(f"  {plain(line)}")
