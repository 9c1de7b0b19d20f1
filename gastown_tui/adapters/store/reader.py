"""What a store answers without writing."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from gastown_tui.adapters.store import blocking, queries

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from gastown_tui.adapters.store.core import Core
    from gastown_tui.domain.bead import Bead, Deleted
    from gastown_tui.domain.bead_file import Problem
    from gastown_tui.domain.operations import Entry
    from gastown_tui.domain.ready import Rules

    Beads: TypeAlias = list[Bead]
    Changes: TypeAlias = tuple[int, list[Bead | Deleted]]
    Edges: TypeAlias = list[tuple[str, str]]
    Entries: TypeAlias = list[Entry]
    Ids: TypeAlias = list[str]
    Waiting: TypeAlias = dict[str, list[str]]


class StoreReader:
    """The look-ups of an open beads directory."""

    def __init__(self, core: Core, prefix: str) -> None:
        """For `open_store`."""
        self._core = core
        self.prefix = prefix
        """Of new ids, without the hyphen."""

    @property
    def beads_dir(self) -> Path:
        """Where it is, redirects followed."""
        return self._core.file.parent

    @property
    def last_change(self) -> int:
        """The number of the last change."""
        return int(self._core.database.meta("change"))

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What was wrong with the file when it was last read; while any is, nothing is folded."""
        return self._core.problems()

    def get(self, id: str) -> Bead:  # noqa: A002 - the field's name
        """The bead with this full id.

        Raises:
            NotFound: there is none, or it was deleted.
        """
        return queries.one(self._core.database, id)

    def line(self, id: str) -> bytes:  # noqa: A002
        """The bead's line as it is stored, with the keys that `Bead` does not know.

        Raises:
            NotFound: there is none, or it was deleted.
        """
        self.get(id)
        return queries.line_of(self._core.database, id) or b""

    def lines(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The lines of many beads, by id; without those that are not there."""
        return queries.lines_of(self._core.database, ids)

    def find(self, partial: str, *, issue_type: str | None = None) -> str:
        """The full id of a full id, an id without prefix, or the beginning of a hash.

        Args:
            partial: what was given.
            issue_type: of the bead that is meant; None for work, so that agents, merge requests
                and other records of a town are found by their whole ids only.

        Raises:
            NotFound: none fits.
            BadInput: several fit.
        """
        return queries.found_id(self._core.database, partial, self.prefix, issue_type)

    def list(
        self,
        *,
        status: str | Sequence[str] | None = None,
        issue_type: str | Sequence[str] | None = None,
        label: str | Sequence[str] | None = None,
        assignee: str | None = None,
        include_closed: bool = False,
        include_wisps: bool = False,
    ) -> Beads:
        """Beads by priority, then age.

        Args:
            status: one or several; None for all but closed ones.
            issue_type: one or several.
            label: one, or several that must all be there.
            assignee: "" for unassigned ones.
            include_closed: with closed ones, when no status is asked for.
            include_wisps: with ephemeral ones.
        """
        wanted = queries.Filter(
            status=status,
            issue_type=issue_type,
            label=label,
            assignee=assignee,
            include_closed=include_closed,
            include_wisps=include_wisps,
        )
        return queries.listed(self._core.database, wanted)

    @property
    def rules(self) -> Rules:
        """What version of `bd` decides here what is ready; `ready-rules` of `config.yaml`."""
        with self._core.database.read() as connection:
            return blocking.rules_of(connection)

    def ready(
        self, now: datetime, *, limit: int | None = None, rules: Rules | None = None
    ) -> Beads:
        """What can be worked on at this moment, the most urgent first.

        Args:
            now: when; what was deferred to an earlier moment counts as open.
            limit: at most so many.
            rules: instead of the directory's own; everything is then worked out anew.
        """
        return queries.ready_beads(self._core.database, now.timestamp(), limit, rules)

    def ready_ids(self, now: datetime, *, rules: Rules | None = None) -> Ids:
        """The ids of `ready`, which costs a fraction of reading the beads."""
        return queries.ready_ids(self._core.database, now.timestamp(), rules)

    def blockers(self, id: str, *, rules: Rules | None = None) -> Ids:  # noqa: A002
        """The ids that a bead waits for; empty when it is not blocked."""
        return queries.blockers(self._core.database, id, rules)

    def blocked(self, *, rules: Rules | None = None) -> Waiting:
        """Every blocked bead's id with the ids that it waits for."""
        return queries.all_blocked(self._core.database, rules)

    def dependents(self, id: str) -> Edges:  # noqa: A002
        """Id and type of edge of every bead that depends on this one."""
        return queries.dependents(self._core.database, id)

    def dependent_counts(self, ids: Sequence[str]) -> dict[str, int]:
        """How many beads depend on each of many, parts not counted; without those with none."""
        return queries.dependent_counts(self._core.database, ids)

    def closed_parts(self, ids: Sequence[str]) -> dict[str, int]:
        """How many closed beads are directly part of each of many; without those with none."""
        return queries.closed_parts(self._core.database, ids)

    def changes(self, after: int) -> Changes:
        """Beads changed since change number `after`, newest state each, and the new number.

        Raises:
            TooFarBehind: the number is of another store (it was rebuilt), or so old that deleted
                wisps are forgotten: read everything anew, from 0 or by `list`.
        """
        return queries.changes(self._core.database, after)

    def history(self, id: str) -> Entries:  # noqa: A002
        """What was done to a bead through this store, the oldest first."""
        return queries.history(self._core.database, id)
