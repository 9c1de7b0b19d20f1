"""The two connections against real sockets: they come, go, and come back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import sys
import tempfile
import time
from pathlib import Path

import pytest

from gastown_tui import protocol as p
from gastown_tui.adapters.sync_link import tell
from gastown_tui.cli import screen
from gastown_tui.cli import town as cli_town
from gastown_tui.domain.errors import BadInput, GastownError, Unavailable
from gastown_tui.roots import tui
from gastown_tui.tui.ports import LinkState


class Daemon:
    """A socket that greets, keeps what it is sent, and answers by a table."""

    def __init__(self, path, decoder, answers):
        self.path, self.decoder, self.answers = path, decoder, answers
        self.got, self.writers, self.server = [], [], None

    async def start(self):
        self.server = await asyncio.start_unix_server(self.serve, str(self.path))

    async def serve(self, reader, writer):
        self.writers.append(writer)
        writer.write(p.encode(p.Welcome(boot="b")))
        decoder = self.decoder()
        while data := await reader.read(65536):
            for frame in decoder.feed(data):
                self.got.append(frame)
                if answer := self.answers.get(type(frame)):
                    writer.write(p.encode(answer(frame)))

    async def stop(self):
        self.server.close()
        for writer in self.writers:
            writer.close()
        self.writers.clear()
        await asyncio.sleep(0)

    def send(self, frame):
        for writer in self.writers:
            writer.write(p.encode(frame))


@pytest.fixture
def town(monkeypatch):
    short = Path(tempfile.mkdtemp(prefix="gt"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(short))
    town = short / "town"
    (town / ".gastown").mkdir(parents=True)
    yield town
    shutil.rmtree(short)


async def until(check):
    end = time.monotonic() + 5
    while not check():
        assert time.monotonic() < end
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(*loops):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each) for each in loops]
        yield
        for task in tasks:
            task.cancel()


async def test_the_feed_is_followed_resumed_and_answers(town):
    snapshot = p.Snapshot(version=5, boot="b", at=1.0, tables={"agents": {"a": {"state": "idle"}}})
    daemon = Daemon(
        tui.feed_socket(town), p.feed_decoder,
        {
            p.Follow: lambda frame: p.Delta(base=5, version=5, at=1.0, tables={}) if frame.version else snapshot,
            p.Ask: lambda frame: p.Receipt(req=frame.req, text=f"{frame.verb} {frame.target} {frame.arguments}"),
            p.AskDiff: lambda frame: p.Failed(req=frame.req, message="nothing there", hint="look"),
        },
    )  # fmt: skip
    heard = []
    link = tui.LinkTown(town, tui._HostWatch(town))
    link.follow(heard.append)
    with pytest.raises(Unavailable):
        await link.ask("kill", "nux")
    async with running(link.run()):
        await until(
            lambda: any(isinstance(each, LinkState) and each.daemon == "host" for each in heard)
        )
        await daemon.start()
        await until(lambda: snapshot in heard)
        receipt = await link.ask("nudge", "nux", text="go on")
        assert receipt.text == "nudge nux {'text': 'go on'}"
        with pytest.raises(GastownError, match="nothing there"):
            await link.diff("mr-1")
        await daemon.stop()
        await until(lambda: isinstance(heard[-1], LinkState) and not heard[-1].up)
        await daemon.start()
        await until(lambda: isinstance(heard[-1], p.Delta))
        follows = [each for each in daemon.got if isinstance(each, p.Follow)]
        assert [(each.version, each.boot) for each in follows] == [(0, ""), (5, "b")]
        daemon.send(p.Delta(base=9, version=10, at=2.0, tables={}))
        await until(lambda: len([each for each in daemon.got if isinstance(each, p.Follow)]) == 3)
        await daemon.stop()


async def test_nothing_is_missing_while_it_is_being_started(town):
    tries, coming = [], [True]

    def asked():
        tries.append(1)
        return coming[0]

    snapshot = p.Snapshot(version=1, boot="b", at=1.0, tables={})
    daemon = Daemon(tui.feed_socket(town), p.feed_decoder, {p.Follow: lambda _: snapshot})
    heard = []
    link = tui.LinkTown(town, tui._HostWatch(town, asked))
    link.follow(heard.append)
    async with running(link.run()):
        await until(lambda: len(tries) > 2)
        await daemon.start()
        await until(lambda: snapshot in heard)
        assert all(each.up for each in heard if isinstance(each, LinkState))
        coming[0] = False
        await daemon.stop()
        await until(lambda: isinstance(heard[-1], LinkState) and not heard[-1].up)


async def test_settings_that_keep_the_controller_from_starting_are_told(town):
    (town / "town.toml").write_text('id = "t"\nnmae = "x"\n')
    heard = []
    link = tui.LinkTown(town, tui._HostWatch(town))
    link.follow(heard.append)

    def said():
        down = [each for each in heard if isinstance(each, LinkState)]
        return [each.text for each in down if each.daemon == "controller"][-1:]

    async with running(link.run()):
        await until(lambda: said() and "nmae" in said()[0])
        (town / "town.toml").write_text('id = "t"\n')
        await until(lambda: said() == [""])


async def test_the_screen_goes_when_what_it_shows_does_not_start(town):
    state = {"coming": True, "failed": False}
    app = tui.Cockpit(town, lambda: state["coming"], lambda: state["failed"])
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.is_running
        state["failed"] = True
        await until(lambda: app.return_code == 1)


def test_why_it_does_not_start_is_said_when_the_screen_has_gone(town, monkeypatch):
    for stream in (sys.stdin, sys.stdout):
        monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("GASTOWN_TOWN", str(town))
    shown = []

    def start(_town, *, opens):
        raise Unavailable("no host today")

    def run(_town, coming, failed):
        while coming():
            time.sleep(0.01)
        shown.append(failed())

    monkeypatch.setattr(cli_town, "start_town", start)
    monkeypatch.setattr(tui, "run", run)
    (town / "town.toml").write_text('id = "t"\nnmae = "x"\n')
    with pytest.raises(BadInput, match="nmae"):
        screen.open_screen(town)
    assert not shown
    (town / "town.toml").write_text('id = "t"\n')
    with pytest.raises(Unavailable, match="no host today"):
        screen.open_screen(town)
    assert shown in ([], [True])


async def test_a_request_under_way_when_the_controller_dies_is_told_so(town):
    daemon = Daemon(tui.feed_socket(town), p.feed_decoder, {})
    await daemon.start()
    link = tui.LinkTown(town, tui._HostWatch(town))
    async with running(link.run()):
        await until(lambda: daemon.got)
        async with asyncio.TaskGroup() as group:

            async def ask():
                with pytest.raises(Unavailable):
                    await link.ask("kill", "nux")

            group.create_task(ask())
            await until(lambda: any(isinstance(each, p.Ask) for each in daemon.got))
            await daemon.stop()


async def test_screens_frames_keys_and_history(town):
    frame = p.ScreenFrame(
        session="s", number=1, base=0, cols=3, height=1, rows={0: (("abc", 0, 3),)}
    )
    daemon = Daemon(
        tui.screens_socket(town), p.screens_decoder,
        {
            p.Subscribe: lambda _: frame,
            p.AskRows: lambda ask: p.RowsOf(req=ask.req, first=ask.first, rows=[(("old", 0, 3),)], total=7),
        },
    )  # fmt: skip
    await daemon.start()
    heard = []
    link = tui.LinkScreens(town, tui._HostWatch(town))
    link.listen(heard.append)
    async with running(link.run()):
        await until(lambda: any(isinstance(each, LinkState) and each.up for each in heard))
        link.subscribe("s", 0, 0, 30.0)
        await until(lambda: frame in heard)
        link.ack("s", 1)
        link.key("s", "a", "a")
        link.paste("s", "x")
        link.resize("s", 100, 30)
        link.mouse(p.Mouse(session="s", kind="press", x=1, y=2))
        link.unsubscribe("s")
        assert (await link.rows("s", 3, 1)).total == 7
        kinds = [type(each).__name__ for each in daemon.got]
        assert kinds == [
            "Hello",
            "WatchSignals",
            "Subscribe",
            "Ack",
            "Key",
            "Paste",
            "ResizeSession",
            "Mouse",
            "Unsubscribe",
            "AskRows",
        ]
        await daemon.stop()


def test_the_overseers_keys_are_read_and_a_broken_file_is_no_end(town):
    assert tui.user_keys(town) == {}
    (town / "town.toml").write_text('[keys]\n"agent.nudge" = "ctrl+n"\n')
    assert tui.user_keys(town) == {"agent.nudge": "ctrl+n"}
    (town / "town.toml").write_text("[keys\n")
    assert tui.user_keys(town) == {}


def test_a_poke_waits_for_no_greeting(town):
    with pytest.raises(Unavailable):
        tell(tui.feed_socket(town), p.Poke(), what="controller")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(tui.feed_socket(town)))
        server.listen()
        with tell(tui.feed_socket(town), p.Poke(), what="controller"):
            taken, _ = server.accept()
            with taken:
                got = list(p.feed_decoder().feed(taken.recv(65536)))
    assert [type(each) for each in got] == [p.Hello, p.Poke]
