"""`gastown bead list|ready|blocked|search|stale`: beads by what is asked of them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

import click

from gastown_tui.cli.bead_args import commas
from gastown_tui.cli.bead_stores import Found, Stores, placed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gastown_tui.domain.bead import Bead
    from gastown_tui.domain.bead_filters import BeadFilter

_Command = TypeVar("_Command", bound="Callable[..., Any]")
_TIMES = ("created", "updated", "closed", "due", "defer")
_ALL_TYPES = ("--include-infra", "--include-gates", "--include-templates")


def filtered(command: _Command) -> _Command:
    """Add the options that say which beads are meant."""
    for option in (
        click.option("-s", "--status", multiple=True, help="One, several with commas, or all."),
        click.option("-t", "--type", "issue_type", multiple=True, help="One, or with commas."),
        click.option("--exclude-type", multiple=True),
        click.option("-l", "--label", "labels", multiple=True, help="All that are given."),
        click.option("--label-any", multiple=True, help="One of those that are given."),
        click.option("--exclude-label", multiple=True),
        click.option("-a", "--assignee", help="Whose; empty for nobody's."),
        click.option("--unassigned", "--no-assignee", is_flag=True, help="Nobody's."),
        click.option("-p", "--priority", help="P1, 0,2 or 0-2."),
        click.option("--priority-min", help="This or less urgent."),
        click.option("--priority-max", help="This or more urgent."),
        click.option("--text", multiple=True, help="Words somewhere in it."),
        click.option("--title", "--title-contains", default="", help="Words in the title."),
        click.option("--desc-contains", default="", help="Words in the description."),
        click.option("--notes-contains", default="", help="Words in the notes."),
        *(
            click.option(f"--{time}-{side}", metavar="TIME", help="2026-01-31, 7d, 12h ...")
            for time in _TIMES
            for side in ("after", "before")
        ),
        click.option("--id", "only", multiple=True, help="These ids."),
        click.option("--parent", help="What is part of this bead."),
        click.option("--no-parent", is_flag=True, help="What is part of nothing."),
        click.option("--mol-type", default=""),
        click.option("--wisp-type", default=""),
        click.option("--metadata-field", multiple=True, metavar="KEY=VALUE"),
        click.option("--has-metadata-key", multiple=True, metavar="KEY"),
        click.option("-n", "--limit", default=0, type=click.IntRange(min=0), help="0 for all."),
        click.option("--sort", default="", help="priority, created, updated, id, title ..."),
        click.option("-r", "--reverse", is_flag=True),
    ):
        command = option(command)
    return command


def filter_of(wanted: dict[str, Any], *, closed_too: bool = False) -> BeadFilter:
    """What the options of `filtered` ask for.

    Raises:
        BadInput: one of them says nothing.
    """
    from gastown_tui.domain.bead_filters import BeadFilter, Span, moment, priorities

    now = datetime.now().astimezone()
    spans: dict[str, Span] = {}
    for time in _TIMES:
        ahead = time in {"due", "defer"}
        sides = {
            side: moment(given, now, ahead=ahead).timestamp()
            for side in ("after", "before")
            if (given := wanted[f"{time}_{side}"])
        }
        spans["deferred" if time == "defer" else time] = Span(**sides)
    statuses = commas(wanted["status"])
    least, most = wanted["priority_min"], wanted["priority_max"]
    asked = priorities(wanted["priority"]) if wanted["priority"] else frozenset(range(5))
    if least or most:
        asked &= frozenset(range(min(priorities(least or "0")), max(priorities(most or "4")) + 1))
    some = frozenset(asked) if wanted["priority"] or least or most else frozenset()
    pairs = [pair.partition("=") for pair in wanted["metadata_field"]]
    return BeadFilter(
        ids=frozenset(commas(wanted["only"])) or None,
        status=() if "all" in statuses else tuple(statuses),
        closed_too=closed_too or "all" in statuses,
        types=tuple(commas(wanted["issue_type"])),
        other_types=tuple(commas(wanted["exclude_type"])),
        labels=tuple(commas(wanted["labels"])),
        any_labels=tuple(commas(wanted["label_any"])),
        other_labels=tuple(commas(wanted["exclude_label"])),
        assignee="" if wanted["unassigned"] else wanted["assignee"],
        priorities=some,
        texts=tuple(wanted["text"]),
        in_title=wanted["title"],
        in_description=wanted["desc_contains"],
        in_notes=wanted["notes_contains"],
        is_top=wanted["no_parent"],
        mol_type=wanted["mol_type"],
        wisp_type=wanted["wisp_type"],
        metadata=(
            *((key, value) for key, _, value in pairs),
            *((key, None) for key in wanted["has_metadata_key"]),
        ),
        **spans,
    )


def select(
    stores: Stores, wanted: BeadFilter, *, wisps: bool = False, records: bool = False
) -> list[Found]:
    """The beads that a filter admits; without the town's records unless they are asked for."""
    from gastown_tui.cli.bead_place import is_record

    places = stores.all()
    is_plain = len(places) > 1 and not (records or wanted.types or wanted.ids)
    return [
        Found(store, bead)
        for store in places
        for bead in store.list(
            status=wanted.status or None,
            issue_type=wanted.types or None,
            label=wanted.labels,
            assignee=wanted.assignee,
            include_closed=wanted.closed_too,
            include_wisps=wisps or bool(wanted.wisp_type),
        )
        if wanted.admits(bead) and not (is_plain and is_record(store, bead))
    ]


def below(stores: Stores, parent: str | None, *, deep: bool) -> frozenset[str] | None:
    """The ids of what is part of a bead; None when no parent is asked for."""
    if parent is None:
        return None
    from gastown_tui.cli.bead_change import family, parts_of

    one = stores.find(parent)
    found = family(one.store, one.bead)[1:] if deep else parts_of(one.store, one.id)
    return frozenset(bead.id for bead in found)


def arrange(found: Iterable[Found], wanted: dict[str, Any], *, keep: bool = False) -> list[Found]:
    """Put beads in the order that is asked for; `keep` leaves them as they are when none is."""
    from gastown_tui.domain.bead_filters import ordered

    kept = list(found)
    if keep and not wanted["sort"]:
        return kept[::-1] if wanted["reverse"] else kept
    by_id = {one.id: one for one in kept}
    sort = wanted["sort"] or "priority"
    beads = ordered((one.bead for one in by_id.values()), sort, reverse=wanted["reverse"])
    return [by_id[bead.id] for bead in beads]


def show_found(stores: Stores, found: list[Found], limit: int, more: Any = None) -> None:
    """Print beads, at most `limit` of them.

    Args:
        stores: of the command.
        found: in their order.
        limit: 0 for all; how many were left out is said on standard error.
        more: gives further columns of a bead's row.
    """
    from gastown_tui.cli import bead_output

    if stores.as_json and limit and _is_default("limit"):
        limit = 0
    shown = found[: limit or None]
    if stores.as_json:
        rows = _rows(shown)
        if more:
            rows = [row | more(one) for row, one in zip(rows, shown, strict=True)]
        click.echo(bead_output.dump(rows))
    elif shown:
        click.echo(bead_output.lines([one.bead for one in shown]))
    if len(shown) < len(found):
        click.echo(f"{len(shown)} of {len(found)}; --limit 0 shows all", err=True)


def _rows(shown: list[Found]) -> list[dict[str, Any]]:
    """The JSON of beads of several stores, in their order."""
    from gastown_tui.cli import bead_output

    by_store: dict[Any, list[Found]] = {}
    for one in shown:
        by_store.setdefault(one.store.beads_dir, []).append(one)
    told = {
        (place, row["id"]): row
        for place, part in by_store.items()
        for row in bead_output.rows(part[0].store, [one.bead for one in part])
    }
    return [told[one.store.beads_dir, one.id] for one in shown]


def _is_default(option: str) -> bool:
    """Whether nobody asked for an option's value."""
    source = click.get_current_context().get_parameter_source(option)
    return source is not None and source.name.startswith("DEFAULT")


@click.command("list")
@filtered
@click.option("--all", "everything", is_flag=True, help="With closed ones.")
@click.option("--wisps", "--include-ephemeral", is_flag=True, help="With ephemeral ones.")
@click.option("--all-types", *_ALL_TYPES, is_flag=True, help="With the town's records.")
@click.option("--ready", "only_ready", is_flag=True, help="Only what can be worked on now.")
@placed
def list_beads(stores: Stores, **wanted: Any) -> None:
    """List beads, by priority and age; in a town those of all rigs."""
    from datetime import UTC

    asked = filter_of(wanted, closed_too=wanted["everything"])
    parts = below(stores, wanted["parent"], deep=False)
    found = select(stores, asked, wisps=wanted["wisps"], records=wanted["all_types"])
    if parts is not None:
        found = [one for one in found if one.id in parts]
    if wanted["only_ready"]:
        now = datetime.now(UTC)
        ready = {bead for store in stores.all() for bead in store.ready_ids(now)}
        found = [one for one in found if one.id in ready]
    show_found(stores, arrange(found, wanted), wanted["limit"])


@click.command()
@filtered
@click.option("--claim", is_flag=True, help="Take the first one.")
@placed
def ready(stores: Stores, *, claim: bool, **wanted: Any) -> None:
    """List what can be worked on now; in a town, in all rigs."""
    from datetime import UTC

    from gastown_tui.cli.bead_place import is_record

    asked = filter_of(wanted)
    parts = below(stores, wanted["parent"], deep=True)

    def fits(_store: Any, bead: Bead) -> bool:
        return asked.admits(bead) and (parts is None or bead.id in parts)

    if claim:
        from gastown_tui.cli.bead_close import claim_first

        show_found(stores, claim_first(stores, stores.all(), fits), 1)
        return
    is_plain = len(stores.all()) > 1
    found = [
        Found(store, bead)
        for store in stores.all()
        for bead in store.ready(datetime.now(UTC))
        if fits(store, bead) and not (is_plain and is_record(store, bead))
    ]
    show_found(stores, arrange(found, wanted, keep=not is_plain), wanted["limit"])


@click.command()
@filtered
@placed
def blocked(stores: Stores, **wanted: Any) -> None:
    """List what waits for other beads, and for which."""
    from gastown_tui.cli import bead_output
    from gastown_tui.cli.bead_place import is_record

    asked = filter_of(wanted)
    parts = below(stores, wanted["parent"], deep=True)
    holders: dict[str, list[str]] = {}
    found: list[Found] = []
    for store in stores.all():
        held = store.blocked()
        holders |= held
        found += [
            Found(store, bead)
            for bead in store.list(include_wisps=bool(wanted["wisp_type"]))
            if bead.id in held and asked.admits(bead) and not is_record(store, bead)
            and (parts is None or bead.id in parts)
        ]  # fmt: skip
    found = arrange(found, wanted)

    def more(one: Found) -> dict[str, Any]:
        return {"blocked_by_count": len(holders[one.id]), "blocked_by": holders[one.id]}

    if stores.as_json:
        show_found(stores, found, wanted["limit"], more)
        return
    for one in found[: wanted["limit"] or None]:
        click.echo(bead_output.line(one.bead, 0))
        click.echo(f"    waits for {bead_output.plain(', '.join(holders[one.id]))}")


@click.command()
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@filtered
@click.option("--open", "only_open", is_flag=True, help="Without closed ones.")
@click.option("--wisps", is_flag=True, help="With ephemeral ones.")
@placed
def search(stores: Stores, *, words: tuple[str, ...], **wanted: Any) -> None:
    """List beads with all of these words in them, those with the words in the title first."""
    from gastown_tui.domain import queries

    asked_for = " ".join(words).split()
    wanted["text"] = (*wanted["text"], *asked_for)
    asked = filter_of(wanted, closed_too=not wanted["only_open"])
    found = {one.id: one for one in select(stores, asked, wisps=wanted["wisps"])}
    ranked = queries.search((one.bead for one in found.values()), " ".join(asked_for))
    hits = [found[bead.id] for bead in ranked]
    show_found(stores, arrange(hits, wanted, keep=True), wanted["limit"])


@click.command()
@filtered
@click.option("-d", "--days", default=30, type=click.IntRange(min=0), help="Without a change.")
@placed
def stale(stores: Stores, *, days: int, **wanted: Any) -> None:
    """List open beads that nobody has touched for long, the longest first."""
    from gastown_tui.domain import queries

    found = {one.id: one for one in select(stores, filter_of(wanted))}
    hits = queries.stale((one.bead for one in found.values()), datetime.now().timestamp(), days)
    old = [found[bead.id] for bead in hits]
    show_found(stores, arrange(old, wanted, keep=True), wanted["limit"])
