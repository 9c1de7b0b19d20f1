"""What the verbs share: the town, the controller, and printing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gastown_tui import protocol
from gastown_tui.adapters.town_files import TOWN_FILE, find_town
from gastown_tui.domain.errors import BadInput, Forbidden, GastownError, NotFound, Unavailable

if TYPE_CHECKING:
    from socket import socket

    from gastown_tui.domain.operations import Operation

_UNSAFE = dict.fromkeys(
    [
        *(code for code in range(32) if code not in {9, 10}), *range(127, 160),
        0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A), 0xFEFF,
        *range(0xD800, 0xE000),
    ]
)  # fmt: skip
"""Controls of a terminal, line ends of others, and what turns the direction of text."""


_TABLES = ("town", "rigs", "agents", "beads", "mq", "convoys", "events")
_OPEN: list[socket] = []
"""Connections that stay open until the verb has ended."""
_FIRST_LOOK_S = 10.0
"""How long a controller that has just started may take to look at the town."""


def town_dir() -> Path:
    """The town of this command: named, around the working folder, or the one used last.

    That it is the one used last is said on stderr.

    Raises:
        NotFound: there is none, with what to do.
    """
    try:
        return find_town(None, os.environ)
    except NotFound:
        from gastown_tui.adapters.used_towns import used_towns

        known = [] if os.environ.get("GASTOWN_TOWN") else used_towns(os.environ)
        if not known:
            raise
    found = known[0].path
    noted(f"in {found}, the town used last: there is none here, and none is named")
    os.environ["GASTOWN_TOWN"] = str(found)
    return found


def noted(text: str) -> None:
    """A remark that is no part of the answer: a line on stderr."""
    sys.stderr.write(f"gastown: {plain(text)}\n")


def plain(text: object) -> str:
    """Text from outside, made safe for a terminal: no control characters, one line."""
    found = str(text).replace("\n", " ").replace("\t", " ")
    return found if found.isprintable() else found.translate(_UNSAFE)


def show(text: str = "") -> None:
    """Print a text; what could steer the terminal is left out, whoever wrote it."""
    safe = text if text.isprintable() else text.translate(_UNSAFE)
    sys.stdout.write(safe + "\n")


def show_json(value: Any) -> None:
    """Print a value as JSON, in ASCII: safe for any terminal and any encoding."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print columns, as wide as their widest cell."""
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(header, *cells, strict=True)]
    for row in [list(header), *cells]:
        show("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def age(since: float) -> str:
    """How long ago, in the largest unit."""
    seconds = max(0, int(time.time() - since)) if since else 0
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def feed_link(town: Path) -> Any:
    """A blocking connection to the controller's feed.

    Raises:
        Unavailable: there is none.
        BadInput: there is none, because the town's settings cannot be read.
    """
    from gastown_tui.adapters.daemons import feed_socket
    from gastown_tui.adapters.sync_link import SyncLink

    try:
        return SyncLink(feed_socket(town), protocol.feed_decoder, role="cli", what="controller")
    except Unavailable:
        _check_settings(town, (town / TOWN_FILE).stat().st_mtime_ns)
        raise  # it was not the settings that keep the controller waiting


@lru_cache(maxsize=1)
def _check_settings(town: Path, _written: int) -> None:
    """Raise what is wrong with the settings; looked at again when they were written again."""
    from gastown_tui.roots.town import check_settings

    check_settings(town)


def tables(town: Path) -> dict[str, dict[str, protocol.TableRow]]:
    """The town's tables as the controller has them now.

    Raises:
        Unavailable: there is no controller, or it has not seen the town yet.
    """
    until = time.monotonic() + _FIRST_LOOK_S
    with feed_link(town) as link:
        link.send(protocol.Follow())
        while True:
            frame = link.receive(until - time.monotonic())
            if isinstance(frame, protocol.Snapshot):
                found = frame.tables
            elif isinstance(frame, protocol.Delta):  # the first look: it holds everything
                found = {name: {key: row for key, row in rows.items() if row is not None}
                         for name, rows in frame.tables.items()}  # fmt: skip
            else:
                continue
            if "town" in found:
                return {name: {} for name in _TABLES} | found


def known_tables(town: Path) -> dict[str, dict[str, protocol.TableRow]]:
    """The same; of a town that is down, what stands on disk, which a line on stderr says.

    Raises:
        Unavailable: the town runs, but its controller does not answer; or its runtime folder
            cannot be used.
    """
    from gastown_tui.adapters.callers import host_of
    from gastown_tui.adapters.daemons import find_runtime, runs_elsewhere

    find_runtime(town)
    how = "(down)", "`gastown up` starts it"
    try:
        return tables(town)
    except Unavailable:
        if runs_elsewhere(town):
            how = "(moved while it ran)", "run `gastown down` here, then `gastown up`"
        elif host_of(town):
            raise
    from gastown_tui.roots.stored import stored_tables

    noted(f"{how[0]} this is what the town has on disk; {how[1]}")
    return {name: {} for name in _TABLES} | stored_tables(town)


class Queued(Unavailable):
    """There is no controller: the request is recorded, and the next one carries it out."""


def actor() -> str:
    """Who acts: BD_ACTOR or GASTOWN_AGENT of a session, else the overseer."""
    return os.environ.get("BD_ACTOR") or os.environ.get("GASTOWN_AGENT") or "overseer"


def caller(town: Path) -> str:
    """Who acts, whatever its environment says of a session: its address, else `actor()`."""
    from gastown_tui.adapters.callers import calling_session, host_of

    return calling_session(os.getpid(), host_of(town)) or actor()


def ask(verb: str, target: str = "", wait_s: float = 60.0, **arguments: str) -> str:
    """Ask the controller; the line it answers with.

    Raises:
        GastownError: it refused, or is not running (then the request is recorded for it).
    """
    town = town_dir()
    frame_arguments = {key: value for key, value in arguments.items() if value}
    try:
        link = feed_link(town)
    except (Unavailable, BadInput) as error:
        _queue(town, verb, target, frame_arguments)
        why = "the controller is not running" if isinstance(error, Unavailable) else str(error)
        hint = "start it with `gastown up`" if isinstance(error, Unavailable) else ""
        raise Queued(f"queued: {why}", hint=hint) from error
    with link:
        frame = protocol.Ask(
            req=link.next_req(), verb=verb, target=target, arguments=frame_arguments, actor=actor()
        )
        receipt = link.ask(frame, timeout_s=wait_s)
    if not isinstance(receipt, protocol.Receipt):
        raise Unavailable("the controller gave no receipt")
    if not receipt.ok:
        kinds: dict[str, type[GastownError]] = {"Forbidden": Forbidden, "Unavailable": Unavailable}
        raise kinds.get(receipt.kind, GastownError)(receipt.text)
    return receipt.text


def refuse_sessions(town: Path, verb: str, target: str = "") -> str | None:
    """Refuse a verb of the overseer's to whoever runs inside a session, and note it.

    Returns:
        The session that asks, or None for a person's shell.

    Raises:
        Forbidden: it is not for this caller.
    """
    from gastown_tui.adapters.callers import calling_session, host_of
    from gastown_tui.domain import audience, records

    session = calling_session(os.getpid(), host_of(town))
    try:
        audience.check(verb, session)
    except Forbidden as error:
        who = session or actor()
        _write(town, [records.event("refused", target, f"{verb} by {who}: {error}", who)], who)
        raise
    return session


def _write(town: Path, operations: Sequence[Operation], who: str) -> None:
    from gastown_tui.adapters.store import open_store

    store = open_store(town / ".beads")
    try:
        store.apply(operations, actor=who)
    finally:
        store.close()


def _queue(town: Path, verb: str, target: str, arguments: dict[str, str]) -> None:
    """Record a request durably for the next controller."""
    from gastown_tui.domain import records
    from gastown_tui.domain.operations import Create

    who = refuse_sessions(town, verb, target) or actor()
    bead = {
        "title": f"{verb} {target}".strip()[:400],
        "issue_type": records.EVENT,
        "event_kind": f"request.{verb}",
        "actor": who,
        "target": target,
        "payload": json.dumps(arguments),
        "ephemeral": True,
        "wisp_type": "escalation",
    }
    _write(town, [Create(bead=bead)], who)


def poke(town: Path) -> bool:
    """Tell the controller that beads have changed; False when there is none.

    It would see that by itself within a tenth of a second, so nobody waits until it has heard.
    """
    from gastown_tui.adapters.daemons import feed_socket
    from gastown_tui.adapters.sync_link import tell

    while _OPEN:
        _OPEN.pop().close()
    try:
        _OPEN.append(tell(feed_socket(town), protocol.Poke(), what="controller"))
    except Unavailable:
        return False
    return True
