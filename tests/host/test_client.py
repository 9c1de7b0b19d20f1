"""The controller's client, and starting and stopping the host from outside."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from gastown_tui import protocol
from gastown_tui.adapters import daemons
from gastown_tui.adapters.host_client import connect
from gastown_tui.adapters.sync_link import SyncLink
from gastown_tui.domain.errors import BadInput, Conflict, NotFound, Unavailable


def frame(town, *argv, **fields):
    defaults = {
        "run": "r1",
        "name": "a",
        "cwd": str(town.town),
        "env": {"PATH": os.environ["PATH"]},
    }
    return protocol.Spawn(req=0, argv=list(argv), **{**defaults, **fields})


async def test_requests_answers_and_errors(talk):
    town = talk.town
    async with connect(town.runtime / "host.sock") as client:
        spawned = await client.spawn(frame(town, "sleep", "100"))
        assert spawned.run == "r1"
        with pytest.raises(Conflict, match="alive"):
            await client.spawn(frame(town, "sleep", "100", run="r2"))
        with pytest.raises(BadInput, match="not found"):
            await client.spawn(frame(town, "no-such-program", run="r3", name="b"))
        with pytest.raises(NotFound):
            await client.end(run="r9")
        with pytest.raises(NotFound):
            await client.restart_daemon("screens")
        many = (client.spawn(frame(town, "true", run=f"m{n}", name=f"m{n}")) for n in range(10))
        assert len(await asyncio.gather(*many)) == 10
        await client.signal("r1", signal.SIGCONT)
        assert await client.end(name="a", reason="enough") == "r1"
        rows = {row.run: row for row in await client.list_runs()}
        assert rows["r1"].why == "ended: enough"
        status = await client.status()
        assert (status.pid, status.boot) == (town.hosts[0].pid, client.boot)
        async for event in client.events():
            if isinstance(event, protocol.RunEnded) and event.row.run == "r1":
                break


async def test_open_requests_fail_and_events_end_when_the_host_dies(talk):
    town = talk.town
    async with connect(town.runtime / "host.sock") as client:
        await client.spawn(frame(town, "sh", "-c", "trap '' TERM; sleep 100 & wait; sleep 100"))
        ending = asyncio.ensure_future(client.end(run="r1", grace_s=30))
        await client.status()
        town.hosts[0].kill()
        with pytest.raises(Unavailable, match="gone away"):
            await ending
        assert [type(event) async for event in client.events()] == [protocol.RunStarted]
        with pytest.raises(Unavailable):
            await client.status()


async def test_events_go_to_a_callback(talk):
    seen = []
    async with connect(talk.town.runtime / "host.sock", on_event=seen.append) as client:
        await client.spawn(frame(talk.town, "sleep", "100"))
        await client.end(run="r1")
        await client.status()
    assert [type(event).__name__ for event in seen] == ["RunStarted", "RunEnded"]


@pytest.fixture
def here(town, monkeypatch):
    """The town as processes of this environment see it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", town.env["XDG_RUNTIME_DIR"])
    monkeypatch.setenv("GASTOWN_RUN", "of-the-caller")
    yield town
    daemons.stop_host(town.town)


def test_host_is_started_detached_once_and_stopped(here, monkeypatch, poll, is_alive):
    town = here.town
    assert not daemons.host_running(town)
    assert not daemons.stop_host(town)
    with pytest.raises(Unavailable, match="not running"):
        daemons.connect_host(town)
    daemons.ensure_host(town, daemons=())
    with daemons.connect_host(town) as link:
        pid = link.welcome.pid
    assert os.getsid(pid) == pid
    with open(f"/proc/{pid}/environ", "rb") as file:
        assert b"GASTOWN_RUN" not in file.read()
    assert os.readlink(f"/proc/{pid}/fd/0") == os.devnull
    assert os.readlink(f"/proc/{pid}/fd/2") == str(town / ".gastown/log/host.log")
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/nowhere")  # as in another login
    daemons.ensure_host(town, daemons=())
    with daemons.connect_host(town) as link:
        assert link.welcome.pid == pid
    assert daemons.stop_host(town)
    poll(lambda: not is_alive(pid), 1)
    assert not daemons.host_running(town)


def test_a_host_that_cannot_start_says_why(here):
    (here.runtime / "host.sock").mkdir()
    with pytest.raises(Unavailable, match="not a socket of ours"):
        daemons.ensure_host(here.town, daemons=())


def test_daemons_are_found_by_default(here):
    assert daemons.screens_socket(here.town) == here.runtime / "screens.sock"
    assert daemons.feed_socket(here.town) == here.runtime / "feed.sock"
    pointer = here.town / ".gastown" / "runtime"
    pointer.parent.mkdir()
    pointer.write_text("/etc\n")  # neither ours nor private: not believed
    assert daemons.host_socket(here.town) == here.runtime / "host.sock"


def test_a_file_in_the_place_of_a_socket_is_named(tmp_path):
    place = tmp_path / "host.sock"
    place.write_text("x")
    with pytest.raises(Unavailable, match=r"host\.sock is not a socket of ours: remove it"):
        SyncLink(place, protocol.host_decoder, what="host")
