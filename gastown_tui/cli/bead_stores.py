"""The beads that a command names: found in the right directory, read, and written there."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

import click

from gastown_tui.cli.bead_guard import check
from gastown_tui.cli.bead_place import Place, actor, apply, is_record, locate, located
from gastown_tui.domain.errors import BadInput, Forbidden, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gastown_tui.adapters.store import Applied, BeadStore
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation

_Command = TypeVar("_Command", bound="Callable[..., Any]")
_NO_IDS = frozenset({"", "null", "none", "undefined", "nil"})
"""What programs write when they have no id."""
_LONGEST_ACTOR = 200
NO_MATTER = ("--no-daemon", "--sandbox", "--no-auto-flush", "--no-auto-import", "--no-pager",
            "--flat", "--allow-stale", "--no-color")  # fmt: skip
"""Flags of `bd` that ask for what is the case here anyway."""


class Found(NamedTuple):
    """A bead, and the store that it is in."""

    store: BeadStore
    bead: Bead

    @property
    def id(self) -> str:
        """Of the bead."""
        return self.bead.id


class Stores:
    """The beads directories of one command, each opened once; closed when the command ends."""

    def __init__(self, place: Place, *, as_json: bool, read_only: bool = False) -> None:
        self._place = place
        self._read_only = read_only
        self._opened: dict[Path, BeadStore] = {}
        self._all: list[BeadStore] = []
        self.as_json = as_json
        """Whether JSON is asked for."""

    @property
    def actor(self) -> str:
        """Who acts."""
        return actor(os.environ)

    def all(self) -> list[BeadStore]:
        """The directories to list: in a town, where none is meant, those of all rigs."""
        if not self._all:
            self._all = [self._known(store) for store in self._place.open_all()]
        return self._all

    def here(self) -> BeadStore:
        """The nearest directory."""
        return self._of(())

    def fresh(self, near: Sequence[str] = ()) -> BeadStore:
        """The directory for new work, near the beads that are named."""
        return self._known(self._place.open_for_new(near))

    def find(self, given: str) -> Found:
        """The bead that a full or partial id means.

        Work is found by a part of its id, what the town runs by only by the whole. In a town all
        rigs are looked through, and what `routes.jsonl` names.

        Raises:
            NotFound: none is meant.
            BadInput: several are, or it is no id.
        """
        if given.strip().lower() in _NO_IDS:
            raise BadInput(f"{given!r} is no id")
        first = self._of([given])
        found = _in_store(first, given)
        if not found:
            routed, why = self._routed(first, given)
            stores = [*routed, *self.all()]
            others = {store.beads_dir: store for store in stores if store is not first}
            found = [one for store in others.values() for one in _in_store(store, given)]
        if not found:
            raise NotFound(f"there is no bead {given}", hint=why)
        if len(found) > 1:
            raise BadInput(f"{given} may be {', '.join(one.id for one in found)}")
        return found[0]

    def find_all(self, given: Iterable[str]) -> list[Found]:
        """Each of several ids, in order; one that is named twice once."""
        found = [self.find(one) for one in given]
        return list({one.id: one for one in found}.values())

    def write(self, store: BeadStore, operations: Sequence[Operation]) -> Applied:
        """Do all of the operations, or none.

        Raises:
            Forbidden: only reading was asked for, or it is not for this caller.
        """
        if self._read_only:
            raise Forbidden("nothing is written with --readonly")
        return apply(store, operations)

    def write_each(self, work: Iterable[tuple[BeadStore, Sequence[Operation]]]) -> list[Bead]:
        """Do operations in several directories, in one transaction each; the beads afterwards."""
        batches: dict[Path, tuple[BeadStore, list[Operation]]] = {}
        for store, operations in work:
            batches.setdefault(store.beads_dir, (store, []))[1].extend(operations)
        for store, operations in batches.values():
            check(store, operations)
        return [
            bead for store, operations in batches.values() if operations
            for bead in self.write(store, operations).beads
        ]  # fmt: skip

    def _of(self, ids: Sequence[str]) -> BeadStore:
        path = locate(self._place, ids, os.environ)
        if path not in self._opened:
            self._opened[path] = self._known(self._place.open(ids))
        return self._opened[path]

    def _known(self, store: BeadStore) -> BeadStore:
        """The store of this directory that is open already, if one is."""
        return self._opened.setdefault(store.beads_dir, store)

    def _routed(self, near: BeadStore, given: str) -> tuple[list[BeadStore], str]:
        """The store that a route names for an id; or why it cannot be followed."""
        from gastown_tui.cli.bead_routes import lead

        found = lead(near.beads_dir, given)
        if found.folder is None:
            return [], found.why
        return [self._known(Place(folder=str(found.folder)).open())], ""


def _in_store(store: BeadStore, given: str) -> list[Found]:
    """What an id means in one store: nothing, or one bead.

    Raises:
        BadInput: several.
    """
    from gastown_tui.domain import ids

    try:
        return [Found(store, store.get(given))]
    except NotFound:
        pass
    try:
        bead = store.get(store.find(given))
    except NotFound:
        return []
    except BadInput:
        if not ids.is_id(given):
            raise
    else:
        if not is_record(store, bead):
            return [Found(store, bead)]
    beads = {
        bead.id: bead
        for bead in store.list(include_closed=True, include_wisps=True)
        if not is_record(store, bead)
    }
    fitting = ids.meant(given, store.prefix, beads)
    if len(fitting) > 1:
        raise BadInput(f"{given} may be {', '.join(fitting[:8])}")
    return [Found(store, beads[one]) for one in fitting]


def placed(command: _Command) -> _Command:
    """Give a command its `Stores` as first argument, with the options that say which they are."""

    @functools.wraps(command)
    def run(*args: Any, **given: Any) -> Any:
        folder = given.pop("folder") or given.pop("directory", None)
        given.pop("directory", None)
        place = Place(folder=folder, rig=given.pop("rig"))
        _act_as(given.pop("acting"))
        read_only, as_json = given.pop("readonly"), given.pop("as_json")
        for flag in NO_MATTER:
            given.pop(flag.strip("-").replace("-", "_"), None)
        for flag in ("quiet", "verbose"):
            given.pop(flag)
        return command(Stores(place, as_json=as_json, read_only=read_only), *args, **given)

    for option in (
        click.option("--actor", "acting", default="", hidden=True),
        click.option("-C", "--directory", hidden=True),
        click.option("--readonly", is_flag=True, hidden=True),
        click.option("-q", "--quiet", is_flag=True, hidden=True),
        click.option("-v", "--verbose", is_flag=True, hidden=True),
        *(click.option(flag, is_flag=True, hidden=True) for flag in NO_MATTER),
    ):
        run = option(run)
    return cast("_Command", located(run))


def _act_as(name: str) -> None:
    """Let this command act under another name, until it ends.

    Raises:
        BadInput: it cannot be a name.
    """
    if not name:
        return
    if not name.isprintable() or len(name) > _LONGEST_ACTOR:
        raise BadInput("--actor is no name")
    before = os.environ.get("BD_ACTOR")
    os.environ["BD_ACTOR"] = name

    def back() -> None:
        if before is None:
            os.environ.pop("BD_ACTOR", None)
        else:
            os.environ["BD_ACTOR"] = before

    click.get_current_context().call_on_close(back)
