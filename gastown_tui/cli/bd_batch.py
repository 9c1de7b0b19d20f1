"""`gastown bd batch`: lines of writes, all done or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import msgspec

from gastown_tui.cli.bead_stores import Found, Stores, placed
from gastown_tui.domain.errors import BadInput, GastownError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gastown_tui.adapters.store import BeadStore
    from gastown_tui.domain.bead_batch import Line
    from gastown_tui.domain.operations import Operation


@click.command()
@click.option(
    "-f", "--file", "path", type=click.Path(exists=True, dir_okay=False), help="Instead of stdin."
)
@click.option("-m", "--message", hidden=True)
@click.option("--dry-run", is_flag=True, help="Read the lines, and do nothing.")
@placed
def batch(stores: Stores, *, path: str | None, message: str | None, dry_run: bool) -> None:
    r"""Do the writes on standard input, one a line, in one transaction.

    \b
    close ID [REASON]            update ID KEY=VALUE ...  (status, priority, title, assignee)
    create TYPE PRIORITY TITLE   dep add|remove ID DEPENDS_ON [TYPE]
    """
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_args import text_of
    from gastown_tui.domain.bead_batch import read_batch

    del message  # of a commit of bd's: git's are the controller's
    lines = read_batch(text_of("", path or "-") or "")
    if dry_run:
        for line in lines:
            click.echo(bead_output.plain(f"line {line.number}: {line.text}"), err=stores.as_json)
        told: dict[str, Any] = {"dry_run": True, "operations": len(lines)}
        said = f"{len(lines)} operations parsed (dry-run, nothing executed)"
        click.echo(bead_output.dump(told) if stores.as_json else said)
        return
    results = _do(stores, lines)
    if stores.as_json:
        told = {"operations": len(lines), "results": results, "status": "ok"}
        click.echo(bead_output.dump(told))
        return
    click.echo(f"batch: {len(lines)} operations committed")
    for one in results:
        click.echo(bead_output.plain(f"  line {one['line']}: {one['op']} {one['target']}"))


def _do(stores: Stores, lines: Sequence[Line]) -> list[dict[str, Any]]:
    """Do all lines, or none; what each of them was about."""
    work = _Work(stores, lines)
    for line in lines:
        try:
            work.add(line)
        except GastownError as error:
            raise type(error)(f"line {line.number} ({line.text}): {error.message}") from error
    made = iter(work.write())
    return [
        {"line": line.number, "op": line.verb, "target": target or next(made)}
        for line, target in zip(lines, work.targets, strict=True)
    ]


class _Work:
    """The operations of a batch."""

    def __init__(self, stores: Stores, lines: Sequence[Line]) -> None:
        self.targets: list[str] = []
        """What each line is about; empty for a bead that is yet to be made."""
        self._stores = stores
        self._store: BeadStore | None = None
        self._operations: list[Operation] = []
        self._closing = [line.words[0] for line in lines if line.verb == "close"]
        self._closes: dict[str, list[Operation]] | None = None
        self._verbs: dict[str, Callable[[Line], str]] = {
            "close": self._close, "update": self._update, "create": self._create,
            "dep.add": self._tie, "dep.remove": self._untie,
        }  # fmt: skip

    def add(self, line: Line) -> None:
        """Add what a line asks for."""
        self.targets.append(self._verbs[line.verb](line))

    def write(self) -> Sequence[str]:
        """Write all; the ids of what was made."""
        if self._store is None or not self._operations:
            return ()
        return self._stores.write(self._store, self._operations).ids

    def _find(self, given: str) -> Found:
        """A bead in the one directory that the batch is about."""
        found = self._stores.find(given)
        if self._store is None:
            self._store = found.store
        if found.store.beads_dir != self._store.beads_dir:
            raise BadInput(f"{found.id} is in another directory than the beads before it")
        return found

    def _close(self, line: Line) -> str:
        from gastown_tui.domain.operations import Close

        one = self._find(line.words[0])
        reason = " ".join(line.words[1:]) or "Closed"
        for operation in self._all_closes()[one.id]:
            told = operation
            if isinstance(told, Close) and told.bead == one.id:
                told = msgspec.structs.replace(told, reason=reason)
            self._operations.append(told)
        return one.id

    def _all_closes(self) -> dict[str, list[Operation]]:
        """What closes each bead; guarded together, as one may close because another does."""
        from gastown_tui.cli.bead_change import closings

        if self._closes is None:
            found = self._stores.find_all(self._closing)
            work = closings(found, "Closed", force=False)
            self._closes = {one.id: list(ops) for one, (_, ops) in zip(found, work, strict=True)}
        return self._closes

    def _update(self, line: Line) -> str:
        from gastown_tui.cli.bead_change import updates
        from gastown_tui.cli.bead_write import update

        one = self._find(line.words[0])
        pairs = line.pairs()
        forced = pairs.pop("force", "false") == "true"
        options = [f"--{key}={value}" for key, value in pairs.items()]
        try:
            given = update.make_context("update", [*options, *["--force"][:forced], "--", one.id])
        except click.UsageError as error:
            raise BadInput(error.format_message()) from error
        for _, operations in updates(self._stores, [one], given.params):
            self._operations += operations
        return one.id

    def _create(self, line: Line) -> str:
        from gastown_tui.cli.bead_write import priority_option
        from gastown_tui.domain.bead import TYPE_ALIASES
        from gastown_tui.domain.operations import Create

        kind, priority, *title = line.words
        if self._store is None:
            self._store = self._stores.fresh()
        context = click.get_current_context()
        try:
            number = priority_option(context, context.command.params[0], priority)
        except click.UsageError as error:
            raise BadInput(error.format_message()) from error
        fields = {
            "id": f"~{line.number}", "title": " ".join(title), "priority": number,
            "issue_type": TYPE_ALIASES.get(kind, kind),
        }  # fmt: skip
        self._operations.append(Create(fields))
        return ""

    def _tie(self, line: Line) -> str:
        from gastown_tui.cli.bead_place import target_of
        from gastown_tui.domain.operations import AddDependency

        one = self._find(line.words[0])
        other = target_of(one.store, line.words[1])
        kind = line.words[2] if len(line.words) > 2 else "blocks"
        self._operations.append(AddDependency(one.id, other, kind))
        return f"{one.id}->{other}"

    def _untie(self, line: Line) -> str:
        from gastown_tui.cli.bead_place import target_of
        from gastown_tui.domain.operations import RemoveDependency

        one = self._find(line.words[0])
        other = target_of(one.store, line.words[1])
        self._operations.append(RemoveDependency(one.id, other))
        return f"{one.id}->{other}"
