"""How the overseer is called: the feed's rows for screens, and a program without a shell."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import msgspec
import pytest

from gastown_tui.adapters.notify import run_program
from gastown_tui.domain.config import Notify
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.notices import Cause
from gastown_tui.services.notices import PROBLEM, Notices, argv_for

CAUSE = Cause(kind="waits", subject="r/polecats/nux", text="-rf; {kind} $(touch x)")
TABLES = {"agents": {"r/polecats/nux": {"name": "nux", "needs": "question", "question": "which?"}}}


@pytest.mark.parametrize(
    ("command", "argv"),
    [
        (["say"], ["say", " -rf; {kind} $(touch x)"]),
        (["say", "--", "{text}"], ["say", "--", " -rf; {kind} $(touch x)"]),
        (["say", "{town}: {kind}", "-t", "{subject}"], ["say", "t: waits", "-t", CAUSE.subject]),
    ],
)
def test_what_an_agent_wrote_is_one_argument_and_never_an_option(command, argv):
    assert argv_for(command, CAUSE, "t") == argv


async def until(there):
    for _ in range(500):
        if there():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it does not come")


def with_command(bench, *command, **more):
    config = msgspec.structs.replace(
        bench.context.config, notify=Notify(command=list(command), **more)
    )
    bench.context.config = config
    bench.context.person_env = dict(os.environ)
    return Notices(bench.context, run_program)


async def told(bench, notices, tables, seconds):
    """Look at tables again and again; what was told."""
    running = asyncio.ensure_future(notices.run())
    try:
        for _ in range(seconds):
            bench.clock.wall += 1
            notices.look(tables, bench.clock.now())
        await until(notices._waiting.empty)
        return [row["text"] for row in bench.context.notices.values()]
    finally:
        await asyncio.sleep(0.01)
        running.cancel()


async def test_a_cause_is_told_to_screens_and_by_the_program_with_no_screen_open(bench, tmp_path):
    out = tmp_path / "out"
    notices = with_command(
        bench, "sh", "-c", 'printf "%s|%s" "$1" "$GASTOWN_NOTIFY_KIND" > "$0"', str(out), "{text}"
    )
    assert await told(bench, notices, TABLES, 9) == ["nux asks: which?"]
    await until(lambda: out.exists() and out.read_text())
    assert out.read_text() == "nux asks: which?|waits"
    again = Notices(bench.context, run_program)
    assert await told(bench, again, TABLES, 9) == ["nux asks: which?"], "not by the next one"
    assert json.loads((bench.context.paths.private / "notified.json").read_text())


async def test_whoever_types_is_left_alone_until_turning_away(bench):
    notices = with_command(bench)
    notices.present(1)
    assert await told(bench, notices, TABLES, 9) == []
    notices.present(-1)
    assert await told(bench, notices, TABLES, 1) == ["nux asks: which?"]


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("no-such-program-here",), "there is no program"),
        (("sh", "-c", "echo $'\\033'oh no >&2; exit 3"), "ended with 3"),
    ],
)
async def test_a_program_that_fails_is_a_problem_of_the_town_until_it_works(bench, command, why):
    notices = with_command(bench, *command)
    with pytest.raises(Unavailable, match=why):
        await notices.table["notify"]("hello", {}, "overseer")
    assert why in bench.context.problems[PROBLEM]
    assert bench.context.problems[PROBLEM].isprintable()
    notices = with_command(bench, "true")
    assert "true: done" in await notices.table["notify"]("hello", {}, "overseer")
    assert PROBLEM not in bench.context.problems


async def test_a_program_that_hangs_is_ended_with_what_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr("gastown_tui.adapters.notify._LONGEST_S", 0.3)
    pid = tmp_path / "pid"
    said = await run_program(
        ["sh", "-c", f"sleep 60 & echo $! > {pid}; wait"], {"PATH": os.environ["PATH"]}
    )
    assert "did not end" in said
    await until(lambda: not Path(f"/proc/{pid.read_text().strip()}").exists())


async def test_the_program_is_the_overseers_not_a_sessions(tmp_path):
    out = tmp_path / "out"
    env = {"PATH": os.environ["PATH"], "GASTOWN_RUN": "r1", "BD_ACTOR": "x", "DISPLAY": ":0"}
    assert await run_program(["sh", "-c", f"env > {out}"], env) == ""
    assert "DISPLAY=:0" in out.read_text()
    assert "GASTOWN_RUN" not in out.read_text()
