"""`gastown bead merge-driver`: what git calls to merge two versions of a bead file.

Exit 0: the merged file stands in the place of ours. Exit 1: it could not be merged; git's own
conflict markers stand there, where its contents allow any.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gastown_tui.domain.errors import Damaged

if TYPE_CHECKING:
    from gastown_tui.domain.merge_beads import MergedBeads

_TOLD: Final = 5
"""Beads that are named; of others only their number is told."""


@click.command("merge-driver")
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("ours", type=click.Path(path_type=Path))
@click.argument("theirs", type=click.Path(path_type=Path))
@click.argument("name", default="issues.jsonl", metavar="[NAME]")
@click.argument("marker", default=7, type=click.IntRange(1, 1000), metavar="[MARKER_SIZE]")
def merge_driver(base: Path, ours: Path, theirs: Path, name: str, marker: int) -> None:
    """(git) Merge THEIRS into OURS over BASE: git's %O %A %B %P %L."""
    from gastown_tui.domain.merge_files import merge_files, rules_for

    files = [path.read_bytes() for path in (base, ours, theirs)]
    try:
        merged = merge_files(files[0], files[1], files[2], rules_for(*files))
    except Damaged as error:
        _leave_to_git(base, ours, theirs, marker)
        hint = "merge it by hand, or run gastown bead doctor"
        raise Damaged(f"{name}: {error.message}", hint=hint) from error
    beside = ours.with_name(f"{ours.name}.gastown")
    beside.write_bytes(merged.data)
    beside.replace(ours)
    told = _in_words(merged.beads)
    if told:
        click.echo(f"gastown: {_safe(name)}: {told}", err=True)


def _leave_to_git(base: Path, ours: Path, theirs: Path, marker: int) -> None:
    """Let git merge line by line, into ours; of a binary file it leaves ours as it is."""
    from gastown_tui.adapters.git.run import Git

    labels = [part for label in ("ours", "base", "theirs") for part in ("-L", label)]
    paths = [str(path.absolute()) for path in (ours, base, theirs)]
    Git(Path.cwd()).call(
        "merge-file", "-q", *labels, f"--marker-size={marker}", "--", *paths, ok=None
    )


def _in_words(beads: MergedBeads) -> str:
    """What a person should know of a merge, in one line; empty when there is nothing."""
    told = []
    disputed = dict.fromkeys(bead for bead, _ in beads.disputes)
    if disputed:
        told.append(f"{_some(disputed)}: a value gave way to a later one and is kept in a comment")
    if beads.kept:
        told.append(f"{_some(beads.kept)}: deleted and edited, so kept")
    if beads.moved:
        moves = [f"{old} to {new}" for old, new in beads.moved]
        told.append(f"made under one id twice, so moved: {_some(moves)}")
    return "; ".join(told)


def _some(names: dict[str, None] | tuple[str, ...] | list[str]) -> str:
    shown = [_safe(name) for name in list(names)[:_TOLD]]
    more = f" and {len(names) - _TOLD} more" if len(names) > _TOLD else ""
    return ", ".join(shown) + more


def _safe(text: str) -> str:
    from gastown_tui.cli.common import plain

    return plain(text)
