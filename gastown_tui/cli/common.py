"""What the verbs share: the town, the controller, and printing."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from gastown_tui import protocol
from gastown_tui.adapters.town_files import find_town
from gastown_tui.domain.errors import GastownError, Unavailable

_CONTROLS = {code: None for code in range(32) if code not in {9, 10}} | {127: None}


def town_dir() -> Path:
    """The town of this command, or NotFound with what to do."""
    return find_town(None, os.environ)


def plain(text: object) -> str:
    """Text from outside, made safe for a terminal: no control characters, one line."""
    return str(text).replace("\n", " ").translate(_CONTROLS | dict.fromkeys(range(128, 160)))


def show(text: str = "") -> None:
    """Print a line."""
    sys.stdout.write(text + "\n")


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


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
    """A blocking connection to the controller's feed."""
    from gastown_tui.adapters.link import SyncLink
    from gastown_tui.adapters.runtime_dir import runtime_dir

    return SyncLink(
        runtime_dir(town) / "feed.sock", protocol.feed_decoder, role="cli", what="controller"
    )


def tables(town: Path) -> dict[str, dict[str, protocol.TableRow]]:
    """The town's tables as the controller has them now."""
    with feed_link(town) as link:
        link.send(protocol.Follow())
        while True:
            frame = link.receive()
            if isinstance(frame, protocol.Snapshot):
                return frame.tables


def actor() -> str:
    """Who acts: BD_ACTOR or GASTOWN_AGENT of a session, else the overseer."""
    return os.environ.get("BD_ACTOR") or os.environ.get("GASTOWN_AGENT") or "overseer"


def ask(verb: str, target: str = "", wait_s: float = 60.0, **arguments: str) -> str:
    """Ask the controller; the line it answers with.

    Raises:
        GastownError: it refused, or is not running (then the request is recorded for it).
    """
    town = town_dir()
    frame_arguments = {key: value for key, value in arguments.items() if value}
    try:
        link = feed_link(town)
    except Unavailable as error:
        _queue(town, verb, target, frame_arguments)
        raise Unavailable(
            "queued: the controller is not running", hint="start it with `gastown up`"
        ) from error
    with link:
        frame = protocol.Ask(
            req=link.next_req(), verb=verb, target=target, arguments=frame_arguments, actor=actor()
        )
        receipt = link.ask(frame, timeout_s=wait_s)
    if not isinstance(receipt, protocol.Receipt):
        raise Unavailable("the controller gave no receipt")
    if not receipt.ok:
        raise GastownError(receipt.text)
    return receipt.text


def _queue(town: Path, verb: str, target: str, arguments: dict[str, str]) -> None:
    """Record a request durably for the next controller."""
    from gastown_tui.adapters.callers import calling_session
    from gastown_tui.adapters.store import open_store
    from gastown_tui.domain import audience, records
    from gastown_tui.domain.operations import Create

    session = calling_session(os.getpid())
    audience.check(verb, session)
    store = open_store(town / ".beads")
    try:
        store.apply(
            [
                Create(
                    bead={
                        "title": f"{verb} {target}".strip()[:400],
                        "issue_type": records.EVENT,
                        "event_kind": f"request.{verb}",
                        "actor": session or actor(),
                        "target": target,
                        "payload": json.dumps(arguments),
                        "ephemeral": True,
                        "wisp_type": "escalation",
                    }
                )
            ],
            actor=session or actor(),
        )
    finally:
        store.close()


def poke(town: Path) -> None:
    """Tell the controller, if there is one, that beads have changed."""
    try:
        with feed_link(town) as link:
            link.send(protocol.Poke())
    except Unavailable:
        return
