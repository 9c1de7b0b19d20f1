"""The store of a Dolt-backed directory: read from the mirror, written through `bd`."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import msgspec

from gastown_tui.adapters.dolt.bd import Bd, find_program
from gastown_tui.adapters.dolt.mirror import Mirror
from gastown_tui.adapters.dolt.verbs import Call, calls
from gastown_tui.adapters.store import absorb as absorbing
from gastown_tui.adapters.store import location
from gastown_tui.adapters.store.core import FOLDER_NAME, Core
from gastown_tui.adapters.store.database import set_meta
from gastown_tui.adapters.store.files import FileLock
from gastown_tui.adapters.store.prune import Pruned
from gastown_tui.adapters.store.records import AbsorbResult, Applied, FoldResult
from gastown_tui.adapters.store.store import BeadStore
from gastown_tui.adapters.store.transact import WAKER
from gastown_tui.domain import bead_edit, ids
from gastown_tui.domain.errors import BadInput, Conflict, NotFound, Unavailable
from gastown_tui.domain.operations import Claim, Create, Require

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.operations import Operation


def _now() -> datetime:
    return datetime.now(UTC)


def open_dolt(
    beads_dir: Path,
    *,
    prefix: str | None = None,
    clock: Callable[[], datetime] = _now,
    env: Mapping[str, str] | None = None,
) -> DoltStore:
    """Open a directory that `bd` keeps, and read what has changed in it.

    Args:
        beads_dir: the `.beads` directory, redirects followed.
        prefix: of its ids, when it is known.
        clock: tells the time.
        env: the environment; None for the process's own.

    Raises:
        Unavailable: `bd` is missing, too old, or does not answer.
        BadInput: `bd` refuses, for instance because the database belongs to another project.
    """
    bd = Bd(find_program(os.environ if env is None else env), beads_dir, env or os.environ)
    folder = beads_dir / FOLDER_NAME
    try:
        (folder / "dolt").mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="ascii")
    except OSError as error:
        raise Unavailable(f"{folder} cannot be used ({error.strerror})") from error
    core = Core(folder / "dolt", clock)
    try:
        if core.database.version == 0:
            absorbing.import_file(core)
        _check(core, beads_dir, bd)
        store = DoltStore(core, beads_dir, bd, prefix or core.database.meta("prefix"))
        store.absorb()
        if not store.prefix:
            store.prefix = _prefix(core, beads_dir)
        return store
    except BaseException:
        core.close()
        raise


def _check(core: Core, beads_dir: Path, bd: Bd) -> None:
    """See that program and project are those of the last time, else look at both anew."""
    project = str(location.metadata(beads_dir).get("project_id", ""))
    found = bd.program.stat()
    program = f"{bd.program} {found.st_size} {found.st_mtime_ns}"
    if core.database.meta("bd_program") == program and core.database.meta("bd_project") == project:
        return
    bd.version()
    with core.database.write() as connection:
        if core.database.meta("bd_project") not in {"", project}:
            for key in ("bd_signature", "bd_seq", "bd_whole", "prefix"):
                set_meta(connection, key, "")
        set_meta(connection, "bd_program", program)
        set_meta(connection, "bd_project", project)


def _prefix(core: Core, beads_dir: Path) -> str:
    """The prefix of the directory's ids, remembered in the mirror."""
    query = "SELECT id FROM bead JOIN body USING (n) WHERE line IS NOT NULL"
    known = (row[0] for row in core.database.rows(query))
    database = str(location.metadata(beads_dir).get("dolt_database", ""))
    found = location.configured_prefix(beads_dir) or location.usual_prefix(known) or database
    found = found or location.folder_prefix(beads_dir)
    with core.database.write() as connection:
        set_meta(connection, "prefix", found)
    return found


class DoltStore(BeadStore):
    """An open directory that `bd` keeps; as `BeadStore`, but every write is a call of `bd`.

    A transaction of several operations is as many calls. Its preconditions are looked at before
    the first of them, and `bd` guards what it can guard; but when a later call is refused, the
    earlier ones stand.
    """

    def __init__(self, core: Core, beads_dir: Path, bd: Bd, prefix: str) -> None:
        super().__init__(core, prefix)
        self._beads_dir = beads_dir
        self._bd = bd
        self._mirror = Mirror(core, beads_dir, bd)
        self._lock = FileLock(core.folder / "bd.lock")

    @property
    def beads_dir(self) -> Path:
        """Where it is, redirects followed."""
        return self._beads_dir

    def absorb(self) -> AbsorbResult:
        """Read what has changed, and open what was deferred to a moment that has passed.

        Costs a few `stat` when there is nothing to do.
        """
        now = self._core.clock().timestamp()
        if self._mirror.is_current() and not self._mirror.due(now):
            return AbsorbResult()
        with self._lock.held():
            changed = () if self._mirror.is_current() else self._mirror.refresh(now)
            changed += self._undefer(self._mirror.due(now))
            return AbsorbResult(changed=tuple(dict.fromkeys(changed)))

    def _undefer(self, beads: Sequence[str]) -> tuple[str, ...]:
        """Open deferred beads; some versions of `bd` do so when asked what is ready, others never.

        What was done to the rest of them meanwhile is read as well.
        """
        if not beads:
            return ()
        self._bd.ask(["undefer", *beads], actor=WAKER)
        return self._mirror.refresh(self._core.clock().timestamp())

    def wake(self, now: datetime) -> list[str]:
        """Nothing: what is due counts as ready, and `absorb` has `bd` open it."""
        del now
        return []

    def prune(self, now: datetime) -> Pruned:
        """Forget old news of the mirror; which beads are kept is `bd`'s own affair."""
        del now
        return Pruned(journal=self._mirror.forget())

    def fold(self, *, force: bool = False) -> FoldResult:
        """Read what has changed; there is no file to write."""
        absorbed = self.absorb()
        return FoldResult(written=False, through=self.last_change, beads=0, absorbed=absorbed)

    def apply(
        self, operations: Sequence[Operation], *, actor: str, transaction: str | None = None
    ) -> Applied:
        """Carry operations out through `bd`, in order; see the class for how far they are one.

        Args:
            operations: in order; later ones see what earlier ones did.
            actor: who does it.
            transaction: an id of the caller's; beads that it makes get ids made of it, so that
                doing it again makes them once.

        Raises:
            NotFound, Conflict, BadInput: `bd` refused, or a precondition does not hold.
            Unavailable: `bd` does not answer.
        """
        with self._lock.held():
            if transaction is not None and (before := self._done(transaction)) is not None:
                return before
            now = self._core.clock().timestamp()
            if not self._mirror.is_current():
                self._mirror.refresh(now)
            claimed = {one.bead for one in operations if isinstance(one, Claim)}
            self._undefer([bead for bead in self._mirror.due(now) if bead in claimed])
            self._check(operations)
            work = _Work(self._bd)
            operations = work.named(operations, transaction, self.prefix)
            try:
                for call in calls(operations, self._known, actor):
                    work.do(call)
            finally:
                self._mirror.refresh(self._core.clock().timestamp())
            self._check_claims(operations, work.names)
            return self._applied(work.created, list(work.touched), transaction)

    def close(self) -> None:
        """Close the mirror."""
        self._lock.close()
        super().close()

    def _known(self, bead: str) -> Bead | None:
        with suppress(NotFound):
            return self.get(bead)
        return None

    def _check(self, operations: Sequence[Operation]) -> None:
        """Look at all preconditions before anything is changed."""
        for operation in operations:
            bead = getattr(operation, "bead", "")
            if isinstance(operation, Create):
                title = str(operation.fields().get("title", ""))
                if not title or len(title.encode()) > bead_edit.LONGEST_TITLE:
                    raise BadInput(f"a title has 1 to {bead_edit.LONGEST_TITLE} bytes")
            elif isinstance(bead, str) and not bead.startswith("~"):
                found = self.get(bead)
                if isinstance(operation, Require):
                    bead_edit.require(found, self._mirror.change_of(bead), operation)

    def _check_claims(self, operations: Sequence[Operation], names: Mapping[str, str]) -> None:
        """See who has what was claimed: two databases that meet may both have won."""
        for operation in operations:
            if isinstance(operation, Claim):
                bead = self.get(names.get(operation.bead, operation.bead))
                if bead.assignee != operation.assignee:
                    raise Conflict(f"{bead.id} is {bead.assignee or 'nobody'}'s")

    def _done(self, transaction: str) -> Applied | None:
        row = self._core.database.row("SELECT ids FROM done WHERE id = ?", (transaction,))
        if row is None:
            return None
        created, touched = json.loads(row[0])
        return self._applied(created, touched, None)

    def _applied(self, created: list[str], touched: list[str], transaction: str | None) -> Applied:
        change = self.last_change
        if transaction is not None:
            with self._core.database.write() as connection:
                values = (transaction, change, json.dumps([created, touched]))
                connection.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?)", values)
        beads = tuple(bead for one in touched if (bead := self._known(one)) is not None)
        return Applied(change=change, ids=tuple(created), beads=beads)


class _Work:
    """The calls of one transaction."""

    def __init__(self, bd: Bd) -> None:
        self.names: dict[str, str] = {}
        """Ids by the names that operations use."""
        self.created: list[str] = []
        self.touched: dict[str, None] = {}
        self._bd = bd
        self._derived: set[str] = set()

    def named(
        self, operations: Sequence[Operation], transaction: str | None, prefix: str
    ) -> list[Operation]:
        """The operations, in which every new bead has a name.

        In a transaction with an id, beads get ids made of it where `bd` takes them, so that a
        second try finds what the first made.
        """
        found: list[Operation] = []
        for part, operation in enumerate(operations):
            if not isinstance(operation, Create):
                found.append(operation)
                continue
            row = operation.fields()
            name = str(row.get("id", "")) or f"~{part}"
            row["id"] = name
            own = not (operation.parent or operation.kind or row.get("ephemeral"))
            if transaction is not None and name.startswith("~") and own:
                seed = ids.Seed(title=transaction, description=name, creator="", created=part)
                row["id"] = f"{prefix}-{ids.hash_part(seed, ids.LONGEST, 0)}"
                self.names[name] = row["id"]
                self._derived.add(row["id"])
            found.append(msgspec.structs.replace(operation, bead=row))
        return found

    def do(self, call: Call) -> None:
        """Do one call."""
        arguments = [self._renamed(argument) for argument in call.arguments]
        try:
            answer = self._bd.ask(arguments, actor=call.actor, stdin=call.stdin)
        except BadInput as error:
            if not (call.creates in self._derived and "already exists" in error.message):
                raise
            answer = {"id": call.creates}
        if not call.creates:
            self.touched[self.names.get(call.bead, call.bead)] = None
            return
        made = str(answer.get("id", "")) if isinstance(answer, dict) else ""
        if not made:
            raise Unavailable("bd did not say which bead it made", hint="update bd")
        self.names[call.creates] = made
        self.created.append(made)
        self.touched[made] = None

    def _renamed(self, argument: str) -> str:
        """The argument with the name of a bead that was made replaced by its id."""
        start = "--parent="
        if argument.startswith(start):
            return start + self.names.get(argument[len(start) :], argument[len(start) :])
        return self.names.get(argument, argument)
