"""What all bead commands share: where the beads are, who acts, how is written and refused."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

from gastown_tui.adapters import town_files
from gastown_tui.domain.errors import BadInput, GastownError, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gastown_tui.adapters.store import Applied, BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation


_Command = TypeVar("_Command", bound="Callable[..., Any]")


class OneLine(click.Group):
    """Tells a refusal in one line on stderr and exits with 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a refusal ends it."""
        try:
            return super().invoke(ctx)
        except GastownError as error:
            from gastown_tui.cli.common import plain

            click.echo(f"gastown: {plain(error)}", err=True)
            ctx.exit(1)


def located(command: _Command) -> _Command:
    """Add the options that say where the beads are, and `--json`."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON shaped like bd's."),
        click.option("--rig", help="The rig whose beads are meant; hq for the town's own."),
        click.option("--dir", "folder", metavar="DIR", help="A folder with a .beads in it."),
    ):
        command = option(command)
    return command


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What the options `--dir` and `--rig` said."""

    folder: str | None = None
    rig: str | None = None

    def open(self, ids: Sequence[str] = ()) -> BeadStore:
        """Open the store of these ids, else of this place, until the command ends."""
        from gastown_tui.adapters.store import open_store

        return _kept_open(open_store(locate(self, ids, os.environ)))

    def open_for_new(self, ids: Sequence[str] = ()) -> BeadStore:
        """As `open`; but work goes into a rig, not among the town's own records.

        Raises:
            BadInput: there are several rigs, or none, and nothing says which is meant.
        """
        from gastown_tui.adapters.store import open_store

        found = locate(self, ids, os.environ)
        town = _town_of_all(self, found)
        return _kept_open(open_store(_only_rig(town) if town and not ids else found))

    def open_all(self, *, tell: bool = True) -> list[BeadStore]:
        """The stores to list: every rig's, then the town's, where no one of them is meant.

        Args:
            tell: say on stderr which of their files are damaged.
        """
        from gastown_tui.adapters.store import open_store

        found = locate(self, (), os.environ)
        town = _town_of_all(self, found)
        if town is None:
            return [_kept_open(open_store(found), tell=tell)]
        known = town_files.beads_dirs(town)
        own = known.pop(town_files.TOWN_PREFIX)
        found_all = []
        for path in (*known.values(), own):
            try:
                found_all.append(_kept_open(open_store(path), tell=tell))
            except GastownError as error:  # such as a rig that `bd` keeps, where there is none
                click.echo(f"gastown: {path.parent.name} is left out: {_plain(error)}", err=True)
        return found_all


def _kept_open(store: BeadStore, *, tell: bool = True) -> BeadStore:
    """The store, closed when the command ends; it refuses what a session may not write."""
    from gastown_tui.cli.bead_guard import guarded

    context = click.get_current_context()
    context.call_on_close(store.close)
    if tell and context.info_name != "fold":  # which refuses, in the same words
        _tell_damage(store, context.find_root().meta.setdefault(f"{__name__}.told", set()))
    return guarded(store)


def _plain(text: object) -> str:
    from gastown_tui.cli.common import plain

    return plain(text)


def _tell_damage(store: BeadStore, told: set[Path]) -> None:
    """Say on stderr, once, that a file cannot be read whole."""
    if store.beads_dir in told or not (problems := store.problems):
        return
    told.add(store.beads_dir)
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    where = _plain(f"{store.beads_dir}/{problems[0]}{more}")
    click.echo(
        f"gastown: {where}; the rest is read and written,"
        " but not to the file: run `gastown bead doctor`",
        err=True,
    )


def _town_of_all(place: Place, found: Path) -> Path | None:
    """The town, if its own beads were found only because nothing else was named."""
    if place.folder is not None or place.rig is not None:
        return None
    town = _town(os.environ, required=False)
    return town if town is not None and found == town / town_files.BEADS_NAME else None


def _only_rig(town: Path) -> Path:
    """The beads of the town's one rig.

    Raises:
        BadInput: it has several, or none.
    """
    known = town_files.beads_dirs(town)
    known.pop(town_files.TOWN_PREFIX, None)
    if len(known) == 1:
        return next(iter(known.values()))
    if not known:
        raise BadInput("the town has no rig to work in", hint="gastown rig add NAME PATH_OR_URL")
    names = ", ".join(sorted(path.parent.name for path in known.values()))
    raise BadInput("which rig is it for?", hint=f"--rig NAME, one of: {names}")


def actor(env: Mapping[str, str]) -> str:
    """Who acts: BD_ACTOR, GASTOWN_AGENT, or the overseer."""
    return env.get("BD_ACTOR") or env.get("GASTOWN_AGENT") or "overseer"


def locate(place: Place, ids: Sequence[str], env: Mapping[str, str]) -> Path:
    """The beads directory meant.

    In this order: the folder or rig that was named, in a town the directory whose prefix the first
    id has, the caller's own rig, the nearest one above the working folder, the town's.

    Raises:
        NotFound: there is none.
    """
    if place.folder is not None:
        return _in_folder(Path(place.folder))
    town = _town(env, required=place.rig is not None)
    if town is None:
        return town_files.beads_above(Path.cwd())
    if place.rig is not None:
        return _of_rig(town, place.rig)
    known = town_files.beads_dirs(town)
    fitting = [prefix for prefix in known if ids and ids[0].startswith(f"{prefix}-")]
    if fitting:
        return known[max(fitting, key=len)]
    if env.get("GASTOWN_RIG"):
        return _of_rig(town, env["GASTOWN_RIG"])
    here = Path.cwd()
    if here.is_relative_to(town):
        return town_files.beads_above(here)
    return _in_folder(town)


def folds_itself(store: BeadStore, env: Mapping[str, str]) -> bool:
    """Whether no controller keeps this directory's file up to date, so that a command must."""
    town = _town(env, required=False)
    return town is None or not store.beads_dir.resolve().is_relative_to(town)


def _town(env: Mapping[str, str], *, required: bool) -> Path | None:
    if required:
        from gastown_tui.cli.common import town_dir

        return town_dir()
    try:
        return town_files.find_town(None, env)
    except NotFound:
        if env.get("GASTOWN_TOWN"):
            raise
        return None


def town_around(store: BeadStore) -> Path | None:
    """The town whose beads these are, wherever the caller stands; else the caller's own."""
    folder = store.beads_dir.resolve().parent
    for town in (folder, folder.parent):
        if (town / town_files.TOWN_FILE).is_file():
            return town
    return _town(os.environ, required=False)


def _in_folder(folder: Path) -> Path:
    beads = folder if folder.name == town_files.BEADS_NAME else folder / town_files.BEADS_NAME
    if not beads.is_dir():
        raise NotFound(f"there is no {town_files.BEADS_NAME} in {folder}")
    return beads


def _of_rig(town: Path, name: str) -> Path:
    from gastown_tui.domain.names import check_rig

    if name == town_files.TOWN_PREFIX:
        return _in_folder(town)
    beads = town / check_rig(name) / town_files.BEADS_NAME
    if not beads.is_dir():
        raise NotFound(f"there is no rig {name}", hint="gastown rig list shows them")
    return beads


def apply(store: BeadStore, operations: Sequence[Operation]) -> Applied:
    """Write, and where no controller does it, bring the file up to date, unless it is damaged.

    Raises:
        Forbidden: a session writes to what the town runs by, or to a gate.
    """
    applied = store.apply(operations, actor=actor(os.environ))
    if folds_itself(store, os.environ) and not store.problems:
        store.fold()
    return applied


def is_record(store: BeadStore, bead: Bead) -> bool:
    """Whether a bead is one that the town runs by: an agent, a request, a rig, an event ..."""
    from gastown_tui.domain import records

    kinds = {*records.CUSTOM_TYPES, records.EVENT}
    return store.prefix == town_files.TOWN_PREFIX and bead.issue_type in kinds


def target_of(store: BeadStore, given: str) -> str:
    """The other end of an edge: a bead here by its (partial) id, or one elsewhere as it is."""
    try:
        return store.find(given)
    except (NotFound, BadInput):
        elsewhere = "-" in given and not given.startswith(f"{store.prefix}-")
        if given.startswith("external:") or elsewhere:
            return given
        raise
