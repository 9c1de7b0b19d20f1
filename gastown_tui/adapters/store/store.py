"""The store of one beads directory."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from gastown_tui.adapters.store import absorb as absorbing
from gastown_tui.adapters.store import blocking, location, queries
from gastown_tui.adapters.store import fold as folding
from gastown_tui.adapters.store import prune as pruning
from gastown_tui.adapters.store.core import Core
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.adapters.store.reader import StoreReader
from gastown_tui.adapters.store.records import AbsorbResult
from gastown_tui.adapters.store.transact import WAKER, Transaction
from gastown_tui.domain import ids
from gastown_tui.domain.errors import BadInput, Conflict
from gastown_tui.domain.operations import Create
from gastown_tui.domain.ready import GASTOWN, rules_named

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gastown_tui.adapters.store.prune import Pruned
    from gastown_tui.adapters.store.records import Applied, FoldResult
    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation


_RULES_KEY: Final = re.compile(r"""^ready[-_]rules:\s*["']?([\w-]+)""", re.MULTILINE)


def _now() -> datetime:
    return datetime.now(UTC)


def open_store(
    beads_dir: Path, *, prefix: str | None = None, clock: Callable[[], datetime] = _now
) -> BeadStore:
    """Open the store of a beads directory; the first time, its file is read into it.

    A fold that was killed is finished or undone, and what others wrote to the file is taken in,
    unless another process is at it.

    Args:
        beads_dir: the `.beads` directory.
        prefix: of new ids; None for the one used before, configured, or most common in the file.
        clock: tells the time of writes.

    Raises:
        NotFound: there is no such directory.
        BadInput: nobody can tell whose it is, or `bd` refuses it.
        Damaged: the store is no database of ours.
        Unavailable: no room, or no right to write.
    """
    found = location.follow(beads_dir)
    if location.is_dolt(found):
        from gastown_tui.adapters.dolt import open_dolt

        return open_dolt(found, prefix=prefix, clock=clock)
    core = Core(found, clock)
    try:
        if core.database.version == 0:
            absorbing.import_file(core)
        elif core.database.meta("pending") or core.signature() != core.database.meta("signature"):
            with core.fold_lock.tried() as free:
                if free:
                    folding.recover(core)
                    absorbing.absorb(core)
        _settle_rules(core, found)
        return BeadStore(core, _settled_prefix(core, found, prefix))
    except BaseException:
        core.close()
        raise


def init_store(beads_dir: Path, prefix: str, *, clock: Callable[[], datetime] = _now) -> BeadStore:
    """Make a beads directory and open it.

    Raises:
        BadInput: no good prefix.
        Conflict: there are beads already.
    """
    if not ids.is_prefix(prefix):
        raise BadInput(f"{prefix!r} cannot be a prefix of ids")
    file = beads_dir / "issues.jsonl"
    if file.exists():
        raise Conflict(f"{file} is there already")
    beads_dir.mkdir(parents=True, exist_ok=True)
    location.refuse_dolt(beads_dir)
    config = beads_dir / "config.yaml"
    if not config.exists():
        config.write_text(f'issue-prefix: "{prefix}"\n', encoding="utf-8")
    file.touch()
    return open_store(beads_dir, prefix=prefix, clock=clock)


def _settled_prefix(core: Core, beads_dir: Path, given: str | None) -> str:
    """The prefix of new ids, remembered in the store."""
    known = core.database.meta("prefix")
    if given is not None and not ids.is_prefix(given):
        raise BadInput(f"{given!r} cannot be a prefix of ids")
    found = given or known or location.configured_prefix(beads_dir)
    if not found:
        found = location.usual_prefix(row[0] for row in core.database.rows("SELECT id FROM bead"))
    found = found or location.folder_prefix(beads_dir)
    if found != known:
        with core.database.write() as connection:
            set_meta(connection, "prefix", found)
    return found


def _settle_rules(core: Core, beads_dir: Path) -> None:
    """Follow the rules of readiness that `config.yaml` names; other ones move what is blocked."""
    path = beads_dir / "config.yaml"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    named = _RULES_KEY.search(text)
    name = named.group(1) if named else GASTOWN.name
    if (core.database.meta("rules") or GASTOWN.name) == name:
        return
    try:
        rules_named(name)
    except BadInput as error:
        raise BadInput(f"{path}: {error}") from error
    with core.database.write() as connection:
        set_meta(connection, "rules", name)
        blocking.touch_all(connection)


class BeadStore(StoreReader):
    """An open beads directory.

    Safe for the threads of one process: one connection under a lock, so calls from several threads
    take turns. Not to be used after a fork. Any number of processes may have it open.
    """

    _outside_seen = 0
    """Up to which change this process has looked for edits of others."""

    def apply(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """Do all of the operations in one synced transaction, or none.

        Args:
            operations: in order; later ones see what earlier ones did.
            actor: who does it.
            transaction: an id of the caller's; done already, nothing is done again and the ids and
                change of the first time are returned, with the beads as they are now.

        Raises:
            NotFound: a bead that is not there.
            Conflict: a precondition fails, or an edge closes a circle.
            BadInput: a field or value that a bead cannot have.
            Unavailable: no room on the disk.
        """
        with self._core.database.write() as connection:
            return self._transaction(connection, actor, self._core.clock()).run(
                operations, transaction
            )

    def wake(self, now: datetime) -> list[str]:
        """Open the beads that were deferred to a date that has passed; their ids.

        They count as ready without it, and a claim opens them first; this makes it visible.
        """
        if not queries.any_due(self._core.database, now.timestamp()):
            return []
        with self._core.database.write() as connection:
            return self._transaction(connection, WAKER, now).wake()

    def _transaction(
        self, connection: sqlite3.Connection, actor: str, now: datetime
    ) -> Transaction:
        return Transaction(
            connection,
            prefix=self.prefix,
            layout=self._core.layout(),
            actor=actor,
            now=now,
            elsewhere=lambda: location.prefixes_elsewhere(self.beads_dir),
        )

    def create(self, *, actor: str, parent: str = "", kind: str = "", **fields: Any) -> Bead:
        """Make one bead of its fields (`title` at least) and return it; see `Create`."""
        applied = self.apply([Create(fields, parent, kind)], actor=actor)
        return self.get(applied.ids[0])

    def fold(self, *, force: bool = False) -> FoldResult:
        """Bring the file up to date, after taking in what others wrote to it.

        Args:
            force: write it even when nothing has changed.

        Raises:
            Damaged: the file has problems; it is left as it is.
            Unavailable: no room, no right to write, or others keep writing.
        """
        return folding.fold(self._core, force=force)

    def absorb(self) -> AbsorbResult:
        """Merge what other programs wrote to the file; costs a `stat` when they wrote nothing."""
        if self._core.signature() == self._core.database.meta("signature"):
            return AbsorbResult(problems=self.problems)
        with self._core.fold_lock.held():
            folding.recover(self._core)
            return absorbing.absorb(self._core)

    def outside_edits(self) -> list[tuple[str, tuple[str, ...]]]:
        """What others changed in the file since this was asked last: beads, and their fields.

        A bead that is new has no fields. Asked for the first time, nothing; remembered by the
        store, so that what came while nobody asked is told later.
        """
        told, last = self._core.database.meta("outside_told"), self.last_change
        after = max(self._outside_seen, int(told or 0))
        if told and last <= after:
            return []
        found = queries.edited_outside(self._core.database, after, last) if told else []
        if found or not told:
            with self._core.database.write() as connection:
                set_meta(connection, "outside_told", str(last))
        self._outside_seen = last
        return found

    def prune(self, now: datetime) -> Pruned:
        """Take away what need not be kept: old operations, too many events, ids of gone wisps.

        Meant to be done once an hour; a reader that followed from long ago is told to read anew.
        """
        return pruning.prune(self._core, now.timestamp())

    def close(self) -> None:
        """Close the store; nothing is folded."""
        self._core.close()
