"""`gastown upgrade`: a running town becomes this build, and no agent notices."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gastown_tui import __version__, protocol
from gastown_tui.cli.common import plain, refuse_sessions, show, town_dir
from gastown_tui.domain.errors import Conflict, GastownError, ProtocolError, Unavailable

if TYPE_CHECKING:
    from gastown_tui.adapters.sync_link import SyncLink

_RENEW_S: Final = 45.0
"""For what is under way to end, and for the other build to answer."""
_DAEMONS_S: Final = 20.0


@click.command()
@click.option("--force", is_flag=True, help="Also when the town runs this build, or a later one.")
@click.option("--check", is_flag=True, help="Only say which build the town runs.")
def upgrade(*, force: bool, check: bool) -> None:
    """Let a running town go on as this build of gastown.

    Its daemons start again and the host executes itself anew in the same process: no agent ends,
    no output is lost. Install the new build first, as you have installed this one.
    """
    from gastown_tui.adapters.daemons import connect_host, host_running

    town = town_dir()
    refuse_sessions(town, "upgrade")
    if not host_running(town):
        show(f"The town is not running; the next `gastown up` starts {__version__}.")
        return
    with connect_host(town) as link:
        running = link.welcome.build
    if check:
        show(f"The town runs {plain(running)}, this is {__version__}.")
        return
    if running == __version__ and not force:
        show(f"The town runs {__version__} already.")
        return
    if is_later(running, __version__) and not force:
        raise Conflict(
            f"the town runs {plain(running)}, which is later than this {__version__}",
            hint="upgrade this installation, or use --force to go back",
        )
    sessions = renew(town)
    kept = "1 session goes on" if sessions == 1 else f"{sessions} sessions go on"
    show(f"The town runs {__version__} now (it was {plain(running)}); {kept}.")


def renew(town: Path) -> int:
    """Let the host of a town become this build, with its daemons; the number of sessions kept.

    Raises:
        Unavailable: this build does not start, or something under way does not end; nothing was
            changed then.
    """
    from gastown_tui.adapters.daemons import connect_host
    from gastown_tui.cli.setup import write_commands

    with connect_host(town) as link:
        request = protocol.Renew(req=link.next_req(), python=sys.executable)
        try:
            answer = link.ask(request, _RENEW_S)
        except (ProtocolError, Unavailable) as error:
            build = plain(link.welcome.build)
            raise Unavailable(
                f"the host of build {build} does not take the upgrade ({error})",
                hint="run `gastown down`, then `gastown up`",
            ) from error
        if isinstance(answer, protocol.Failed):
            raise Unavailable(answer.message, hint=answer.hint)
    write_commands(town)
    return _wait(town)


def _wait(town: Path) -> int:
    """Wait until the host and both daemons answer; the number of living sessions."""
    from gastown_tui.adapters.daemons import connect_host
    from gastown_tui.cli.town import wait_for_controller

    until = time.monotonic() + _DAEMONS_S
    while True:
        try:
            with connect_host(town) as link:
                if link.welcome.build == __version__ and (found := _sessions(link)) is not None:
                    break
        except GastownError:
            if time.monotonic() > until:
                raise
        if time.monotonic() > until:
            raise Unavailable("the daemons do not start", hint="see .gastown/log in the town")
        time.sleep(0.05)
    wait_for_controller(town)
    return found


def _sessions(link: SyncLink[protocol.HostFrame]) -> int | None:
    """How many sessions live; None while a daemon does not run yet."""
    status = link.ask(protocol.HostStatus(req=link.next_req()))
    if not isinstance(status, protocol.HostStatus) or not all(d.pid for d in status.daemons):
        return None
    runs = link.ask(protocol.ListRuns(req=link.next_req()))
    rows = runs.runs if isinstance(runs, protocol.Runs) else []
    return sum(not row.ended for row in rows)


def is_later(one: str, other: str) -> bool:
    """Whether a version comes after another; only the numbers that they begin with count."""
    return _numbers(one) > _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    release = re.match(r"[0-9]+(\.[0-9]+)*", version)
    found = [int(part) for part in release[0].split(".")] if release else []
    return tuple([*found, 0, 0, 0, 0][:4])


def match_build(town: Path) -> str:
    """Let a running town of an earlier build become this one; what a person should know of it."""
    from gastown_tui.adapters.daemons import connect_host

    with connect_host(town) as link:
        running = link.welcome.build
    if running == __version__:
        return ""
    if is_later(running, __version__):
        return f"The town runs {plain(running)}, this is {__version__}: upgrade this installation."
    renew(town)
    return f"The town runs {__version__} now; it was {plain(running)}."
