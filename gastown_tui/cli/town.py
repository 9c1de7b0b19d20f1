"""`gastown up|down|status|agents|events|pause|freeze|thaw`."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.common import (
    Queued,
    age,
    ask,
    feed_link,
    known_tables,
    plain,
    refuse_sessions,
    show,
    show_json,
    table,
    tables,
    town_dir,
)
from gastown_tui.domain.errors import Conflict, Forbidden, GastownError, Unavailable

if TYPE_CHECKING:
    from gastown_tui.protocol import TableRow

_UP_S = 15.0
_LOST_S = 2.0
"""So long without an answer, a controller is lost that has run for longer than a start takes."""
_START_S = 15.0
_DOWN_S = 180.0
"""For every session to end and what each left to be committed."""


def start_town(town: Path, *, resume: str = "", opens: bool = False) -> str:
    """Start what is not running, and say that the town is to be up; a town becomes this build.

    A frozen town stays frozen; with `opens` (only a screen is opened) a paused one stays paused.

    Returns:
        What a person should know of another build that runs or ran; empty otherwise.

    Raises:
        BadInput: town.toml cannot be read.
        Conflict: the town was moved while it ran.
        Forbidden: this runs inside a session.
    """
    from gastown_tui.adapters.daemons import ensure_host, host_running, runs_elsewhere
    from gastown_tui.adapters.git.run import check_git
    from gastown_tui.cli.setup import write_commands
    from gastown_tui.cli.upgrade import match_build
    from gastown_tui.roots.town import catalogue, town_config

    catalogue(town_config(town))
    if runs_elsewhere(town):
        raise Conflict(
            f"this town was moved to {town} while it ran: its agents still work for the old place",
            hint="run `gastown down` here, then `gastown up`",
        )
    refuse_sessions(town, "up")
    told = ""
    if host_running(town):
        told = match_build(town)
    else:
        check_git()
    write_commands(town)
    ensure_host(town)
    wait_for_controller(town)
    said = ask("up", resume=resume, opens="yes" if opens else "")
    if "is frozen" in said and not opens:
        show(said)
    return told


def wait_for_controller(town: Path) -> None:
    """Wait until the controller answers; one whose socket was taken away is started again.

    Raises:
        Unavailable: it does not, with what its log ends with.
    """
    begun = time.monotonic()
    may_renew = True
    while True:
        try:
            feed_link(town).close()
        except Unavailable as error:
            waited = time.monotonic() - begun
            if waited > _UP_S:
                raise Unavailable(f"the controller does not start: {_last_words(town)}") from error
            if may_renew and waited > _LOST_S:
                may_renew = False
                _renew_controller(town)
            time.sleep(0.05)
        else:
            return


def _renew_controller(town: Path) -> None:
    """End a controller that has run for long and cannot be reached; the host starts the next."""
    from gastown_tui import protocol
    from gastown_tui.adapters.daemons import connect_host

    with connect_host(town) as link:
        status = link.ask(protocol.HostStatus(req=link.next_req()))
        daemons = status.daemons if isinstance(status, protocol.HostStatus) else []
        ages = [time.time() - one.since for one in daemons if one.name == "controller" and one.pid]
        if ages and min(ages) > _START_S:
            link.ask(protocol.RestartDaemon(req=link.next_req(), name="controller"))


def _last_words(town: Path) -> str:
    log = town / ".gastown" / "log" / "controller.log"
    if not log.is_file():
        log = town / ".gastown" / "log" / "host.log"
    try:
        lines = log.read_text("utf-8", "replace").strip().splitlines()
    except OSError:
        return f"see {log}"
    return f"{plain(lines[-1])} ({log})" if lines else f"see {log}"


@click.command()
@click.option("--resume", type=click.Choice(["all", "none"]), default="none",
              help="After an absence: whether agents with work on the hook go on.")  # fmt: skip
def up(resume: str) -> None:
    """Start the town without a screen."""
    from gastown_tui.cli.entry import remember
    from gastown_tui.cli.rig import readable_rig
    from gastown_tui.cli.startable import tell_unstartable
    from gastown_tui.roots.town import rig_names

    town = town_dir()
    if told := start_town(town, resume=resume):
        show(told)
    remember(town)
    names = rig_names(town)
    for name in names:
        readable_rig(town, name)
    tell_unstartable(town, names)
    show(f"The town in {town} is up.")
    held = _held(tables(town))
    until = time.monotonic() + _UP_S
    while resume == "all" and held and time.monotonic() < until:
        time.sleep(0.05)  # the next look at the town publishes that they go on
        held = _held(tables(town))
    if held:
        from gastown_tui.cli.absence import waiting_lines

        for line in waiting_lines(tables(town)):
            show(line)


def _held(found: Mapping[str, Mapping[str, TableRow]]) -> list[str]:
    """Who waits for the overseer's word after an absence."""
    held = found["town"]["town"].get("resume_held")
    return [str(one) for one in held] if isinstance(held, list) else []


def _who_waits(held: list[str]) -> str:
    waits = "1 agent waits" if len(held) == 1 else f"{len(held)} agents wait"
    some = ", ".join(plain(one) for one in held[:5]) + (" ..." if len(held) > 5 else "")
    return f"{waits} for your word: {some} (gastown resume)"


@click.command()
@click.option("--grace", default=5.0, help="Seconds that sessions get to end.")
def down(grace: float) -> None:
    """End the sessions, keep hooks and what is not committed yet, and stop the daemons."""
    from gastown_tui.adapters.daemons import host_running, stop_host

    town = town_dir()
    refuse_sessions(town, "down")
    if not host_running(town):
        show("The town was not running.")
        return
    try:
        show(ask("down", wait_s=_DOWN_S))
    except Queued:
        pass  # the next controller finds it wanted down
    except Forbidden:
        raise
    except GastownError as error:
        show(f"The controller could not be told ({plain(error)}): its sessions end all the same.")
    if stop_host(town, grace_s=grace):
        show("The town is down.")
    else:
        show("The town was not running.")


@click.command()
@click.option("--json", "as_json", is_flag=True)
def status(as_json: bool) -> None:
    """The town in one page."""
    town = town_dir()
    found = known_tables(town)
    if as_json:
        show_json({"town": found["town"]["town"], "rigs": list(found["rigs"].values()),
                   "agents": list(found["agents"].values()), "mq": list(found["mq"].values()),
                   "convoys": list(found["convoys"].values())})  # fmt: skip
        return
    row = found["town"]["town"]
    wanted = row["wanted"] if row.get("running", True) else "down"
    if wanted == "estop":
        wanted = "FROZEN: `gastown thaw` lets it go on"
    show(f"{plain(row['name'])} ({plain(wanted)}) in {town}")
    problems = row.get("problems")
    for problem in problems if isinstance(problems, list) else []:
        show(f"  PROBLEM: {plain(problem)}")
    for rig in found["rigs"].values():
        held = f", held: {plain(rig['held'])}" if rig["held"] else ""
        show(f"  rig {plain(rig['name'])}: {rig['land']} on {plain(rig['target'])}{held}")
    show(f"  beads: {_counted(found['beads'], 'status') or 'none yet'}")
    show(f"  agents: {_counted(found['agents'], 'state') or 'none yet'}")
    show(f"  merge queue: {_counted(found['mq'], 'state') or 'empty'}")
    for agent in found["agents"].values():
        if agent["state"] == "down" and agent["bead"]:
            on_hook = f"{plain(agent['bead'])} {plain(agent['bead_title'])}"
            show(f"  on the hook of {plain(agent['session'])}: {on_hook}")
    waiting = _held(found)
    if waiting:
        show(f"  {_who_waits(waiting)}")
    for agent in found["agents"].values():
        if agent["needs"] and agent["session"] not in waiting:
            why = agent["question"] or agent["evidence"]
            show(f"  needs you: {plain(agent['session'])}: {agent['needs']}: {plain(why)}")


def _counted(rows: Mapping[str, TableRow], column: str) -> str:
    """How many rows there are of each value."""
    counts: dict[str, int] = {}
    for row in rows.values():
        counts[str(row[column])] = counts.get(str(row[column]), 0) + 1
    return ", ".join(f"{count} {value}" for value, count in sorted(counts.items()))


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--catalogue", is_flag=True, help="The kinds of agent there are instead.")
@click.pass_context
def agents(ctx: click.Context, as_json: bool, catalogue: bool) -> None:
    """Every agent: state, since when, and why."""
    if ctx.invoked_subcommand is not None:
        return
    town = town_dir()
    if catalogue:
        from gastown_tui.roots.town import catalogue as entries_of
        from gastown_tui.roots.town import town_config

        entries = entries_of(town_config(town))
        ordered = [entry for _, entry in sorted(entries.items())]
        table(("NAME", "COMMAND", "ABOUT"), [(e.name, e.command, e.about) for e in ordered])
        return
    rows = list(known_tables(town)["agents"].values())
    if as_json:
        show_json(rows)
        return
    table(
        ("AGENT", "STATE", "SINCE", "BEAD", "WHY"),
        [
            (
                row["session"],
                row["state"],
                age(float(str(row["since"]))),
                row["bead"],
                row["evidence"],
            )
            for row in sorted(rows, key=lambda row: str(row["session"]))
        ],
    )


@agents.command()
@click.argument("name", required=False, default="")
@click.option("--json", "as_json", is_flag=True)
def explain(name: str, as_json: bool) -> None:
    """What NAME (an agent, or a kind of agent) is started with, and why it is in its state.

    Of its environment the names are told, never a value. Without NAME: what polecats run.
    """
    from gastown_tui.cli.explain import explained, page

    found = explained(town_dir(), name)
    if as_json:
        show_json(found)
        return
    for line in page(found):
        show(line)


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.option("-n", "count", default=40, help="How many of the newest.")
@click.option("--all", "everything", is_flag=True, help="With what was asked of the controller.")
def events(as_json: bool, count: int, everything: bool) -> None:
    """What has happened, the newest last."""
    rows = sorted(
        known_tables(town_dir())["events"].values(), key=lambda row: float(str(row["at"]))
    )
    rows = [row for row in rows if everything or not str(row["kind"]).startswith("request.")]
    rows = rows[-count:]
    if as_json:
        show_json(rows)
        return
    table(
        ("AT", "KIND", "BY", "WHAT"),
        [
            (time.strftime("%H:%M:%S", time.localtime(float(str(row["at"])))), row["kind"],
             row["actor"], row["text"])
            for row in rows
        ],
    )  # fmt: skip


@click.command()
def pause() -> None:
    """Start and land nothing new; agents finish what they are at. `up` goes on."""
    show(ask("pause_town"))


@click.command()
def freeze() -> None:
    """Freeze every session at once: nothing runs, starts, is typed or lands until `thaw`."""
    show(ask("freeze"))


@click.command()
def thaw() -> None:
    """Let frozen sessions go on."""
    show(ask("thaw"))
