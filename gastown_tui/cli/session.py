"""`gastown session` and `gastown peek`: programs on terminals of the town's own."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

import click

from gastown_tui import protocol
from gastown_tui.adapters import daemons, screens_client
from gastown_tui.cli.attach import attach
from gastown_tui.cli.common import age, refuse_sessions, show, show_json, table, town_dir
from gastown_tui.cli.session_names import checked, living_runs, session_named
from gastown_tui.domain.errors import BadInput, GastownError, NotFound, Unavailable
from gastown_tui.domain.names import check_session

__all__ = ["attach", "kill_session", "peek", "session"]

PATIENCE_S: Final = 5.0
"""How long a screens process that starts, or has yet to get a session, is waited for."""
_NOT_PASSED: Final = frozenset(
    {"COLUMNS", "LINES", "TERM", "TERMCAP", "TMUX", "TMUX_PANE", "STY", "WINDOWID",
     "GASTOWN_RUN", "GASTOWN_RIG", "GASTOWN_ROLE", "GASTOWN_AGENT", "GASTOWN_BEAD", "GASTOWN_SLOT"}
)  # fmt: skip
"""Of the caller's environment: what describes his terminal, or another session."""


@click.group()
def session() -> None:
    """Run programs in sessions, look at them, end them."""


def _free_name(command: str, taken: set[str]) -> str:
    """A name for a session that was given none: `cat`, `cat-2`, ..."""
    letters = "".join(c if c.isascii() and c.isalnum() else "-" for c in Path(command).name)
    base = letters.strip("-") or "session"
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


@session.command(context_settings={"ignore_unknown_options": True})
@click.option("--name", default="", help="What to call it; else after the command.")
@click.option("--cols", type=click.IntRange(1, 1000), help="Width; else this terminal's.")
@click.option("--rows", type=click.IntRange(1, 1000), help="Height; else this terminal's.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def start(name: str, cols: int | None, rows: int | None, command: tuple[str, ...]) -> None:
    """Run COMMAND in a new session, here, with this environment; prints its name."""
    town = town_dir()
    if name:
        check_session(name)
    if shutil.which(command[0]) is None:
        raise BadInput(f"there is no program {command[0]!r}")
    daemons.ensure_host(town)
    name = name or _free_name(command[0], {run.name for run in living_runs(town)})
    size = shutil.get_terminal_size((120, 40))
    env = {key: value for key, value in os.environ.items() if key not in _NOT_PASSED}
    env |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", "GASTOWN_TOWN": str(town)}
    with daemons.connect_host(town) as link:
        frame = protocol.Spawn(
            req=link.next_req(),
            run=uuid4().hex,
            name=name,
            argv=list(command),
            cwd=str(Path.cwd()),
            env=env,
            cols=cols or size.columns,
            rows=rows or size.lines,
            kind="shell",
        )
        checked(link.ask(frame, 30.0))
    show(name)


@session.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON: one object a session.")
@click.option("--all", "everything", is_flag=True, help="Also ended ones that can be peeked at.")
def list_sessions(*, as_json: bool, everything: bool) -> None:
    """The sessions of the town."""
    town = town_dir()
    rows = [
        {
            "name": run.name,
            "kind": run.kind,
            "pid": run.pid,
            "run": run.run,
            "alive": True,
            "started": run.started,
            "command": run.argv,
        }
        for run in sorted(living_runs(town), key=lambda run: run.name)
    ]
    if everything:
        with screens_client.open_sync(town) as link:
            found = screens_client.ask_sync(
                link, protocol.ListSessions(req=0), protocol.SessionNames
            )
        living = {row["name"] for row in rows}
        rows += [
            {"name": name, "alive": False} for name in sorted(found.sessions) if name not in living
        ]
    if as_json:
        show_json(rows)
        return
    table(
        ("NAME", "KIND", "PID", "AGE", "COMMAND"),
        [
            (row["name"], row["kind"], row["pid"], age(_number(row["started"])), _line(row))
            if row["alive"]
            else (row["name"], "ended", "", "", "")
            for row in rows
        ],
    )


def _number(value: object) -> float:
    return value if isinstance(value, float) else 0.0


def _line(row: dict[str, object]) -> str:
    command = row["command"]
    return " ".join(command)[:80] if isinstance(command, list) else ""


@session.command("kill")
@click.argument("name")
@click.option("--grace", "grace_s", type=click.FloatRange(0, 60), default=2.0, show_default=True)
def kill_session(name: str, grace_s: float) -> None:
    """End session NAME: TERM, GRACE seconds, KILL, for every process of it."""
    town = town_dir()
    refuse_sessions(town, "kill", name)
    with daemons.connect_host(town) as link:
        frame = protocol.EndRun(
            req=link.next_req(), name=name, grace_s=grace_s, reason="gastown session kill"
        )
        checked(link.ask(frame, grace_s + 30.0))
    show(f"session {name} has ended")


def _peek(town: Path, name: str, history: int) -> protocol.Peeked:
    """Ask screens; a session that the host has just started may take it a moment."""
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            with screens_client.open_sync(town) as link:
                frame = protocol.Peek(req=0, session=name, history=history)
                return screens_client.ask_sync(link, frame, protocol.Peeked)
        except (NotFound, Unavailable) as error:
            if time.monotonic() > until or not _is_coming(town, name, error):
                raise
        time.sleep(0.05)


def _is_coming(town: Path, name: str, error: GastownError) -> bool:
    if isinstance(error, Unavailable):
        return daemons.host_running(town)
    return any(run.name == name for run in living_runs(town))


@click.command()
@click.argument("name")
@click.option("--history", type=click.IntRange(0, 100_000), default=0, help="Rows above, too.")
@click.option("--json", "as_json", is_flag=True, help="With title and size, as JSON.")
def peek(name: str, history: int, *, as_json: bool) -> None:
    """Print the screen of session NAME as text; also of one that has ended."""
    town = town_dir()
    name = session_named(town, name)
    found = _peek(town, name, history)
    if as_json:
        show_json(
            {
                "session": name,
                "text": found.text,
                "title": found.title,
                "cols": found.cols,
                "rows": found.rows,
                "held": found.held,
            }
        )
        return
    show(found.text)
    if found.held:
        click.echo(f"gastown: {found.held}", err=True)
