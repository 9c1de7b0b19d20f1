"""The store as commands write to it: what may not be written is refused here.

Every verb that writes beads does so through this one, so that none of them is a way round the
rules: statuses and types are known ones, and inside a session what `domain.session_guards` keeps is
kept.
"""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast

import click

from gastown_tui.adapters.town_files import BEADS_NAME, TOWN_PREFIX
from gastown_tui.domain.errors import Conflict, Forbidden

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gastown_tui.adapters.store import Applied, BeadStore
    from gastown_tui.domain.operations import Operation
    from gastown_tui.domain.session_guards import Taken


_WORDS: Final = ("status", "issue_type")
"""Fields whose values are declared."""


class GuardedStore:
    """A `BeadStore` that looks at what is to be written; all else is the store's own."""

    def __init__(self, store: BeadStore) -> None:
        self.plain = store
        """What it guards."""
        self.works_through = False
        """Whether the verb goes through a molecule step by step."""
        self._forced: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    def apply(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """As the store's.

        Raises:
            Forbidden: a session writes to a record of the town, or to a shut gate.
            Conflict: a session ends or takes what is another's, and nothing is forced.
            BadInput: a status or type that nobody knows.
        """
        taken = self.check(operations)
        if taken is not None:
            self._note_force(taken)
        operations = self._as_filed(operations)
        return self.plain.apply(operations, actor=actor, transaction=transaction)

    def check(self, operations: Sequence[Operation]) -> Taken | None:
        """Refuse as `apply` would, and write nothing.

        Returns:
            What of others the operations end or take, because it is forced.
        """
        from gastown_tui.domain import session_guards

        self._check_words(operations)
        self._keep_records(operations)
        town = self._town()
        if town is None:
            return None
        through = self.works_through
        gate = session_guards.gate_touched(self.plain, operations, in_turn=through)
        if gate and self.session is not None:
            self._refuse(town, gate.rpartition(" ")[2], f"{gate} is for the overseer")
        if not session_guards.steps_touched(self.plain, operations) or self.session is None:
            return None
        taken = session_guards.taken(self.plain, operations, self.session, takes_nobodys=through)
        if taken is not None and not _is_forced():
            raise Conflict(f"{taken}, and you are {self.session}", hint=_way_out())
        return taken

    def _as_filed(self, operations: Sequence[Operation]) -> Sequence[Operation]:
        """What the mayor files is proposed; nothing that it writes sends a bead to work.

        Raises:
            Forbidden: it would.
        """
        from gastown_tui.domain import proposals
        from gastown_tui.domain.errors import NotFound
        from gastown_tui.domain.operations import Create, subject

        named = {subject(one) for one in operations if not isinstance(one, Create)}
        proposed = []
        for name in sorted(named):
            try:
                found = self.plain.get(name) if not name.startswith("~") else None
            except NotFound:
                continue
            if found is not None and proposals.is_proposed(found):
                proposed.append(name)
        freed = proposals.freed_by(operations, proposed)
        makes = any(isinstance(one, Create) for one in operations)
        town = self._town() if makes or freed else None
        if town is None or self.plain.prefix == TOWN_PREFIX or self.session != proposals.MAYOR:
            return operations
        if freed:
            self._refuse(town, freed, f"{freed} goes to work when the overseer says so")
        return proposals.filed(operations)

    @cached_property
    def session(self) -> str | None:
        """The session that this command runs in, whatever its environment says.

        Looked for when it matters: that walks through processes.
        """
        from gastown_tui.adapters.callers import calling_session, host_of

        town = self._town()
        return calling_session(os.getpid(), host_of(town) if town else 0)

    def _town(self) -> Path | None:
        from gastown_tui.cli.bead_place import town_around

        return town_around(self.plain)

    def _check_words(self, operations: Sequence[Operation]) -> None:
        """Known statuses and types, and those that are declared; one that a bead has may stay."""
        from gastown_tui.adapters.store import location
        from gastown_tui.domain.bead import WORK_TYPES
        from gastown_tui.domain.operations import Create, SetField
        from gastown_tui.domain.records import CUSTOM_TYPES
        from gastown_tui.domain.statuses import SETTABLE, check_status, check_type

        words: list[tuple[str, str]] = []
        for one in operations:
            if isinstance(one, Create):
                words += [(key, str(one.bead[key])) for key in _WORDS if one.bead.get(key)]
            elif isinstance(one, SetField) and one.field in _WORDS and one.value:
                word = str(one.value)
                usual = word in (SETTABLE if one.field == "status" else WORK_TYPES)
                if not usual and word != getattr(self.plain.get(one.bead), one.field):
                    words.append((one.field, word))
        odd = [(k, word) for k, word in words if word not in (SETTABLE | WORK_TYPES)]
        if not odd or location.is_dolt(self.beads_dir):
            return  # what `bd` keeps it checks itself, and knows the custom ones of
        from gastown_tui.adapters.store.doctor import declared

        for key, word in odd:
            if key == "status":
                check_status(word, declared(self.beads_dir, "status"))
                continue
            own = CUSTOM_TYPES if self.plain.prefix == TOWN_PREFIX else ()
            check_type(word, declared(self.beads_dir, "types").union(own))

    def _keep_records(self, operations: Sequence[Operation]) -> None:
        """Agents, requests, rigs and events are changed by the town's verbs, not by its agents."""
        from gastown_tui.domain import session_guards

        if self.plain.prefix != TOWN_PREFIX:
            return
        bead, kind = session_guards.record_touched(self.plain, operations)
        if kind and self.session is not None:
            what = f"{bead} is a record of the town ({kind})" if bead else f"{kind} is for records"
            self._refuse(self.plain.beads_dir.parent, bead or kind, what)

    def _refuse(self, town: Path, target: str, why: str) -> NoReturn:
        """Refuse what a session asks, and note it for the overseer.

        Raises:
            Forbidden: always.
        """
        error = Forbidden(
            f"{why}, and this was asked from inside the session {self.session}",
            hint="say what you need in a comment on your bead",
        )
        self._note(town, "refused", target, f"bead by {self.session}: {error}")
        raise error

    def _note(self, town: Path, kind: str, target: str, said: str) -> None:
        from gastown_tui.adapters.store import open_store
        from gastown_tui.domain import records

        who = self.session or ""
        store = open_store(town / BEADS_NAME)
        try:
            store.apply([records.event(kind, target, said, who)], actor=who)
        finally:
            store.close()

    def _note_force(self, taken: Taken) -> None:
        """Let the overseer see what is forced; before it is done, so that it is never unseen."""
        town, said_already = self._town(), taken.molecule in self._forced
        self._forced.add(taken.molecule)
        if town is not None and not said_already:
            verb = click.get_current_context().command_path.removeprefix("gastown ")
            self._note(town, "forced", taken.bead, f"{self.session} forced `{verb}`: {taken}")

    def note_out_of_turn(self, bead: str, why: str) -> None:
        """Let everybody see that a molecule's order is gone round, before it is."""
        from gastown_tui.cli.bead_place import actor

        town = self._town()
        if town is not None:
            who = self.session or actor(os.environ)
            verb = click.get_current_context().command_path.removeprefix("gastown ")
            self._note(town, "forced", bead, f"{who} forced `{verb}`: {why}")


def guarded(store: BeadStore) -> BeadStore:
    """The store, with what a session may not write refused."""
    return cast("BeadStore", GuardedStore(store))


def unguarded(store: BeadStore) -> BeadStore:
    """The store itself, for what the clock decides and not whoever asks."""
    return store.plain if isinstance(store, GuardedStore) else store


def check(store: BeadStore, operations: Sequence[Operation]) -> None:
    """Refuse now what would be refused when it is written."""
    if isinstance(store, GuardedStore):
        store.check(operations)


def works_through(store: BeadStore) -> None:
    """Let this command end steps that are nobody's; it asks the molecule whose turn it is."""
    if isinstance(store, GuardedStore):
        store.works_through = True


def out_of_turn(store: BeadStore, bead: str, why: str) -> None:
    """Go on out of a molecule's turn: the town notes it, and shut gates are looked at again.

    Args:
        store: of the molecule.
        bead: it, or its step.
        why: what is gone round.
    """
    if isinstance(store, GuardedStore):
        store.works_through = False
        store.note_out_of_turn(bead, why)


def _is_forced() -> bool:
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.params.get("force"))


def _way_out() -> str:
    """What to do about a refusal: `--force`, where the verb has it."""
    context = click.get_current_context(silent=True)
    if context is not None and any(one.name == "force" for one in context.command.params):
        return "--force does it all the same, and the overseer sees that"
    return "say what you need in a comment on it"
