"""`gastown step`: for whoever works on a molecule, its next step; done or skipped with a reason."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from gastown_tui.cli.bead_guard import guarded, out_of_turn, works_through
from gastown_tui.cli.bead_place import OneLine, Place, actor, folds_itself
from gastown_tui.cli.common import plain, show, show_json
from gastown_tui.domain.errors import BadInput, Conflict, NotFound
from gastown_tui.services.molecule_told import name_of, told

if TYPE_CHECKING:
    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.services.molecules import Next, Worker

_mol = click.option("--mol", metavar="ID", help="Of this molecule, or of this bead's.")
_dir = click.option("--dir", "folder", metavar="DIR", help="A folder with a .beads in it.")
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def worker() -> Worker:
    """Who works, and what conditions may ask about this place."""
    from gastown_tui.domain.formula.runtime import Outside
    from gastown_tui.services.molecules import Worker

    here = Path.cwd().resolve()

    def exists(path: str) -> bool:
        found = (here / path).resolve()
        return found.is_relative_to(here) and found.exists()

    return Worker(
        agent=actor(os.environ), now=time.time(), outside=Outside(exists=exists, env=os.environ)
    )


def kept_in_file(store: BeadStore) -> None:
    """Bring the file up to date, where no controller does it."""
    if folds_itself(store, os.environ) and not store.problems:
        store.fold()


def located(folder: str | None, mol: str | None) -> tuple[BeadStore, str]:
    """The store and root of the molecule that is meant.

    In this order: the one that was named, that of the bead on the caller's hook, of the bead that
    GASTOWN_BEAD names, the caller's own, the only one there is.

    Raises:
        NotFound: there is none.
        BadInput: there are several.
    """
    from gastown_tui.services.molecules import molecules_of

    named = mol or ""
    if (
        not named
        and not folder
        and os.environ.get("GASTOWN_AGENT")
        and os.environ.get("GASTOWN_RIG")
    ):
        from gastown_tui.cli.work import _hooked, _me

        found, bead = _hooked(*_me())
        click.get_current_context().call_on_close(found.close)
        store = guarded(found)
        if bead is None:
            raise NotFound("your hook is empty", hint="gastown prime")
        named = bead.id
    else:
        named = named or os.environ.get("GASTOWN_BEAD", "")
        store = Place(folder=folder).open([named] if named else [])
    works_through(store)
    if not named:
        return store, _own(store)
    work = store.find(named)
    roots = molecules_of(store, work)
    if not roots:
        raise NotFound(f"{work} has no molecule: its text is all there is", hint="gastown prime")
    return store, roots[0].id


def _own(store: BeadStore) -> str:
    """The caller's molecule in a directory, or the only one."""
    from gastown_tui.domain.formula.marks import MOLECULE
    from gastown_tui.services.molecules import top_ones

    found = top_ones(store, store.list(issue_type=MOLECULE, include_wisps=True))
    mine = [one for one in found if one.assignee == actor(os.environ)] or found
    if len(mine) == 1:
        return mine[0].id
    if not mine:
        raise NotFound("there is no open molecule here", hint="gastown mol pour FORMULA makes one")
    names = ", ".join(one.id for one in mine[:8])
    raise BadInput("which molecule?", hint=f"--mol ID, one of: {names}")


def _print(found: Next, *, as_json: bool) -> None:
    if as_json:
        show_json(told(found))
        return
    show(plain(f"{found.molecule} {found.title}: {found.done} of {found.total} steps are closed"))
    step = found.step
    if step is None:
        waits = ", ".join(found.waits_for)
        left = f"Nothing can be begun: it waits for {waits}" if waits else "No step is yours now."
        show("It is finished." if found.is_finished else plain(left))
        return
    name = plain(name_of(found.molecule, step))
    show(f"\n{name}  {plain(step.title)}")
    for asked in step.asks:
        show(plain(f"Decide first: {asked}"))
    for heading, text in (("", found.text), ("Done when:", found.acceptance)):
        lines = text.strip().splitlines()
        if heading and lines:
            show(heading)
        for line in lines:
            show(plain(f"| {line}"))
    show(f"\nWhen it is done: gastown step done {name}")
    show(f"If it is not needed: gastown step skip {name} --reason WHY")


@click.group(cls=OneLine, invoke_without_command=True)
@_mol
@_dir
@click.option("--peek", is_flag=True, help="Only look: the step is not begun.")
@click.option("--take", is_flag=True, help="Take over what others have begun and left.")
@click.option("--force", is_flag=True, help="(agents) With --take: the overseer sees it.")
@_as_json
@click.pass_context
def step(
    ctx: click.Context,
    mol: str | None,
    folder: str | None,
    *,
    peek: bool,
    take: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Begin the next step of the molecule on your hook, and show what it says."""
    if ctx.invoked_subcommand is not None:
        if mol or folder or peek or take or force:
            raise BadInput("options come after the word", hint=f"step {ctx.invoked_subcommand} ...")
        return
    from gastown_tui.services.molecules import next_step, standing, take_over

    store, root = located(folder, mol)
    who = worker()
    if take:
        steps = standing(store, root, who.now).progress.steps
        for other in {one.assignee for one in steps if one.state == "working"} - {"", who.agent}:
            take_over(store, root, other, who)
    before = store.last_change
    found = next_step(store, root, who, begins=not peek)
    if store.last_change != before:
        kept_in_file(store)
    _print(found, as_json=as_json)


def _end(mol: str | None, folder: str | None, wanted: str, **how: Any) -> None:
    """Close a step, and say what comes next."""
    from gastown_tui.adapters.formulas import formula_files
    from gastown_tui.domain.molecule import Ending
    from gastown_tui.services.molecules import end_step, next_step

    begins, as_json, force = how.pop("begins"), how.pop("as_json"), how.pop("force")
    store, root = located(folder, mol)
    who = worker()
    ending = Ending(agent=who.agent, **how)
    library = formula_files(Path.cwd(), os.environ)
    try:
        ended = end_step(store, root, wanted, ending, who, library)
    except Conflict as error:
        if not force or not wanted:
            raise
        out_of_turn(store, root, error.message)
        ending = msgspec.structs.replace(ending, forced=True)
        ended = end_step(store, root, wanted, ending, who, library)
    found = next_step(store, root, who, begins=begins)
    kept_in_file(store)
    if not as_json:
        word = "skipped" if how.get("skipped") else "done"
        show(plain(f"{word}: {name_of(root, ended)} {ended.title}"))
    if begins or as_json:
        _print(found, as_json=as_json)
    elif found.is_finished:
        show("It was the last step.")
    else:
        show(f"{found.done} of {found.total}; gastown step shows the next one")


_force = click.option(
    "-f", "--force", is_flag=True,
    help="Also out of turn, or begun by another: the overseer sees it.",
)  # fmt: skip
_next = click.option("--next", "begins", is_flag=True, help="And begin the next one.")


@step.command()
@click.argument("id_", required=False, default="", metavar="[ID]")
@click.option("--note", default="", help="What the next worker should know.")
@click.option(
    "--output", default="", metavar="JSON", help="What the step brought, for later steps."
)
@_force
@_next
@_mol
@_dir
@_as_json
def done(id_: str, note: str, output: str, **how: Any) -> None:
    """Close step ID (its bead, or its name in the formula), or the one that is begun."""
    try:
        brought = json.loads(output) if output else None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"--output is no JSON: {error}") from error
    _end(how.pop("mol"), how.pop("folder"), id_, note=note, output=brought, **how)


@step.command()
@click.argument("id_", required=False, default="", metavar="[ID]")
@click.option("--reason", required=True, help="Why it is not done.")
@_force
@_next
@_mol
@_dir
@_as_json
def skip(id_: str, reason: str, **how: Any) -> None:
    """Close step ID, or the one that is begun, without having done it."""
    if not reason.strip():
        raise BadInput("a reason is needed", hint="--reason WHY")
    _end(how.pop("mol"), how.pop("folder"), id_, skipped=reason, **how)
