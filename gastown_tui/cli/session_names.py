"""Which sessions there are, and which one is meant."""

from __future__ import annotations

from pathlib import Path

from gastown_tui import protocol
from gastown_tui.adapters import daemons
from gastown_tui.adapters.host_client import error_of
from gastown_tui.domain.errors import BadInput, Unavailable


def checked(frame: protocol.HostFrame) -> protocol.HostFrame:
    """The host's answer; its refusal is raised."""
    if isinstance(frame, protocol.Failed):
        raise error_of(frame)
    return frame


def living_runs(town: Path) -> list[protocol.RunRow]:
    """The living runs."""
    with daemons.connect_host(town) as link:
        answer = checked(link.ask(protocol.ListRuns(req=link.next_req())))
    return (
        [run for run in answer.runs if not run.ended] if isinstance(answer, protocol.Runs) else []
    )


def session_named(town: Path, name: str) -> str:
    """The session that NAME means: the one of that name, or else of the only agent called so.

    Raises:
        BadInput: several agents are called so.
    """
    try:
        names = [run.name for run in living_runs(town)]
    except Unavailable:  # what has ended is known by its whole name
        return name
    if name in names:
        return name
    found = [one for one in names if one.endswith(f"/{name}")]
    if len(found) > 1:
        raise BadInput(f"{name} may be {' or '.join(found)}", hint="say which")
    return found[0] if found else name
