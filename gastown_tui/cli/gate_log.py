"""`gastown mq log`: what gates print, while they run or afterwards."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from gastown_tui import protocol
from gastown_tui.adapters import screens_client
from gastown_tui.cli.common import known_tables, noted, show, town_dir
from gastown_tui.cli.session_names import living_runs
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.merge_queue import is_red_target

_EVERY_S: Final = 0.5
_JUDGED_S: Final = 3.0
_MOST: Final = 100_000
"""Rows that are asked for: all that are kept."""


@click.command("log")
@click.argument("request", metavar="REQUEST|RIG")
@click.option("-f", "--follow", is_flag=True, help="Go on until the gates have ended.")
@click.option("-n", "--lines", type=click.IntRange(0), default=0, help="Only the last ones.")
def gate_log(request: str, *, follow: bool, lines: int) -> None:
    """Print what the gates of REQUEST say, now or last time.

    With RIG, those of what lands there, or of its target while that holds the queue.
    """
    town = town_dir()
    name = _session(town, request)
    printed: list[str] = []
    while True:
        is_alive = follow and any(run.name == name for run in living_runs(town))
        found = _text(town, name, request)
        # The last line of a program that still runs may not be whole.
        new = fresh(printed, found[:-1] if is_alive else found)
        for line in new[-lines:] if lines and not printed else new:
            show(line)
        printed = [*printed, *new][-_MOST:]
        if not is_alive:
            break
        time.sleep(_EVERY_S)
    if follow:
        _tell(town, request)


def fresh(printed: Sequence[str], now: Sequence[str]) -> list[str]:
    """The lines of a text that were not printed yet; its first ones may have gone since."""
    for start in range(len(printed) + 1):
        known = printed[start:]
        if list(now[: len(known)]) == list(known):
            return list(now[len(known) :])
    return list(now)


def _session(town: Path, request: str) -> str:
    """The session in which gates run or ran; found by its name for what has left the queue.

    Raises:
        NotFound: no gates have run for it.
    """
    known = known_tables(town)
    if request in known["rigs"]:
        is_red = is_red_target(str(known["rigs"][request]["held"]))
        return f"gate/{request}/{'target' if is_red else 'landing'}"
    for key, row in known["mq"].items():
        if request in {key, row["bead"]}:
            return str(row["gate_session"])
    with screens_client.open_sync(town) as link:
        found = screens_client.ask_sync(link, protocol.ListSessions(req=0), protocol.SessionNames)
    for name in found.sessions:
        if name.startswith("gate/") and name.endswith(f"/{request}"):
            return name
    raise NotFound(f"no gates have run for {request}", hint="`gastown mq list` has the requests")


def _text(town: Path, name: str, request: str) -> list[str]:
    try:
        with screens_client.open_sync(town) as link:
            frame = protocol.Peek(req=0, session=name, history=_MOST)
            found = screens_client.ask_sync(link, frame, protocol.Peeked)
    except NotFound as error:
        raise NotFound(f"no gates have run for {request}") from error
    return found.text.rstrip().splitlines()


def _tell(town: Path, request: str) -> None:
    """How it stands once the gates were judged, beside what they printed."""
    until = time.monotonic() + _JUDGED_S
    while True:
        rows = known_tables(town)["mq"].items()
        found = [(key, row) for key, row in rows if request in {key, row["bead"]}]
        if all(row["gate"] != "running" for _, row in found) or time.monotonic() > until:
            break
        time.sleep(_EVERY_S)
    for key, row in found:
        why = f": {row['why']}" if row["why"] else ""
        noted(f"{key} ({row['bead']}) is {row['state']}{why}")
