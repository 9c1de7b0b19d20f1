"""Books, feed and its server: what changed is told, to the fast and to the slow."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from pathlib import Path

import pytest
from service_fakes import NUX

from gastown_tui import protocol
from gastown_tui.adapters.agents.catalogue_files import shipped_entries
from gastown_tui.domain import records
from gastown_tui.domain.agents.catalogue import load_entries
from gastown_tui.domain.errors import NotFound
from gastown_tui.domain.operations import Close, Create, Delete, Reopen, SetField
from gastown_tui.domain.town import Agent
from gastown_tui.services.feed_rows import build
from gastown_tui.services.server import FeedServer


def test_books_follow_what_others_write(bench):
    name = bench.bead()
    assert bench.books.rigs["r"].ready == {name}
    bench.rig_store.apply([Create(bead={"id": "~w", "title": "w", "ephemeral": True})], actor="x")
    bench.context.sync()
    assert set(bench.books.rigs["r"].beads) == {name}
    bench.rig_store.apply([Close(bead=name)], actor="x")
    bench.context.sync()
    rig = bench.books.rigs["r"]
    assert (set(rig.beads), set(rig.closed), rig.ready) == (set(), {name}, frozenset())
    bench.rig_store.apply([Reopen(bead=name)], actor="x")
    bench.context.sync()
    assert (set(rig.beads), set(rig.closed)) == ({name}, set())
    bench.rig_store.apply([Delete(bead=name)], actor="x")
    bench.context.sync()
    assert (rig.beads, rig.closed) == ({}, {})


def test_an_agent_whose_record_is_deleted_is_gone(bench):
    agent = Agent(address=NUX, record="hq-x", rig="r", name="nux")
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    bench.context.sync()
    assert set(bench.books.agents) == {NUX}
    bench.town_store.apply([Delete(bead="hq-x")], actor="me")
    bench.context.sync()
    assert bench.books.agents == {}


def test_texts_of_any_length_and_script_fit_into_events(bench):
    for text in ("荒" * 900, "a\nb\x00" * 300, "\ud800", ""):
        bench.context.note("nudged", "x" * 50, text)
    bench.context.sync()
    assert bench.kinds() == ["nudged"] * 4


def test_nothing_new_is_no_change(bench):
    bench.bead()
    assert not bench.books.refresh(bench.clock.utc())


def look(bench):
    bench.books.refresh(bench.clock.utc())
    town = bench.controller.snapshot(bench.facts.refresh(bench.clock.now()))
    bench.feed.publish(town)
    return town


def applied(tables, delta):
    for name, rows in delta.tables.items():
        for key, row in rows.items():
            if row is None:
                del tables[name][key]
            else:
                tables.setdefault(name, {})[key] = row


@pytest.mark.parametrize("seed", range(5))
def test_a_snapshot_with_its_deltas_is_the_town(bench, seed):
    rng, deltas = random.Random(seed), []
    look(bench)
    start = {name: dict(rows) for name, rows in bench.feed.snapshot().tables.items()}
    bench.feed.listen(deltas.append)
    names = []
    for number in range(40):
        draw = rng.random()
        if draw < 0.4 or not names:
            names.append(bench.bead(number))
        elif draw < 0.6:
            field = SetField(bead=rng.choice(names), field="title", value=str(number))
            bench.rig_store.apply([field], actor="x")
        elif draw < 0.7:
            bench.rig_store.apply([Close(bead=rng.choice(names))], actor="x")
        elif draw < 0.8:
            bench.rig_store.apply([Delete(bead=names.pop(rng.randrange(len(names))))], actor="x")
        elif draw < 0.9:
            bench.context.note("nudged", "x", str(number))
        else:
            bench.books.write_town(records.change_rig("r", held=str(number)), actor="x")
        look(bench)
    for delta in deltas:
        assert delta.base == delta.version - 1
        applied(start, delta)
    assert start == bench.feed.snapshot().tables
    fresh = build(look(bench), bench.context, bench.facts)
    assert {k: v for k, v in start.items() if k != "agents"} == {
        k: v for k, v in fresh.items() if k != "agents"
    }


def test_nothing_new_is_no_delta(bench):
    bench.bead()
    look(bench)
    version = bench.feed.version
    look(bench)
    assert bench.feed.version == version


def test_an_agent_whose_program_nobody_knows_is_shown_and_stops_nobody(bench):
    agent = Agent(address=NUX, record="hq-x", rig="r", name="nux", entry="nothing", run="run1")
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    bench.table.update(protocol.RunRow(run="run1", name=NUX, started=1.0, pid=5))
    look(bench)
    row = bench.feed.tables["agents"][NUX]
    assert (row["state"], row["needs"]) == ("error", "error")


@pytest.mark.parametrize(
    ("why", "shown"),
    [("ended: the town went down", "the town went down"), ("exit", "exit code 143")],
)
def test_a_session_that_was_ended_says_why(bench, why, shown):
    agent = Agent(address=NUX, record="hq-x", rig="r", name="nux", entry="claude", run="run1")
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    bench.bead()
    bench.hook()
    bench.table.update(
        protocol.RunRow(run="run1", name=NUX, started=1.0, ended=2.0, code=143, why=why)
    )
    look(bench)
    row = bench.feed.tables["agents"][NUX]
    assert (row["state"], row["evidence"]) == ("exited", shown)


@pytest.fixture
def watched(bench, monkeypatch):
    """An agent of the demo's kind that works; how often its signals wanted a look, and told it."""
    wakes = []
    monkeypatch.setattr(bench.facts, "_wake", lambda: wakes.append(1))
    agent = Agent(address=NUX, record="hq-x", rig="r", name="nux", entry="demo", run="run1")
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    bench.bead()
    bench.hook()
    bench.table.update(protocol.RunRow(run="run1", name=NUX, started=bench.clock.wall, pid=5))
    look(bench)
    number = 0

    def shows(title, *rows):
        nonlocal number
        number += 1
        bench.clock.wall += 1
        wakes.clear()
        bench.facts.on_signals(
            protocol.Signals(
                session=NUX,
                run="run1",
                title=title,
                bottom=list(rows),
                rows_hash=str(number),
                last_output=bench.clock.wall,
            )
        )
        wanted, version = bool(wakes), bench.feed.version
        look(bench)
        row = bench.feed.tables["agents"][NUX]
        assert wanted or bench.feed.version == version
        return wanted, bench.feed.version > version, row

    shows("⠂ Sums of 12 accounts")
    shows("⠐ Sums of 12 accounts")
    return shows


def test_a_spinner_is_no_news(watched):
    for mark in "⠂⠐⠂":
        assert watched(f"{mark} Sums of 13 accounts", f"✻ Working ({mark}s)")[:2] == (False, False)
    assert watched("⠂ Sums of 12 accounts")[2]["evidence"].endswith("Sums of 12 accounts")
    wanted, told, row = watched("⠂ Another thing")
    assert (wanted, told, row["rows_hash"]) == (True, True, "")
    assert row["evidence"].endswith("Another thing")


def test_a_question_is_told_with_the_rows_that_ask_it(watched):
    asked = ["  Do you want to proceed?", " ❯ 1. Yes", "   2. No", "", " Enter to select"]
    wanted, told, row = watched("✳ task", *asked)
    assert (wanted, told, row["state"]) == (True, True, "waiting")
    first = row["rows_hash"]
    wanted, told, row = watched("✳ task", "more", *asked)
    assert (wanted, told) == (True, True)
    assert row["rows_hash"] != first


@pytest.mark.parametrize(
    ("entry", "key", "money"),
    [
        ("claude", "", "subscription"),
        ("claude", "sk-123456789", "API key ...6789"),
        ("shell", "", ""),
    ],
)
def test_what_pays_for_an_agent_is_shown(bench, entry, key, money):
    bench.context.entries = load_entries(
        shipped_entries(), {"claude": {"env_pass": ["ANTHROPIC_API_KEY"]}}
    )
    bench.context.person_env = {"PATH": "/bin", "ANTHROPIC_API_KEY": key}
    agent = Agent(address=NUX, record="hq-x", rig="r", name="nux", entry=entry)
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    look(bench)
    assert bench.feed.tables["agents"][NUX]["money"] == money


@pytest.fixture
async def server(bench):
    folder = Path(tempfile.mkdtemp(prefix="gt-", dir="/tmp"))
    made = FeedServer(bench.feed, bench.verbs, lambda _c: None, _no_diff, _no_bead, lambda: None)
    listening = await made.serve(folder / "f.sock")
    yield folder / "f.sock"
    listening.close()
    shutil.rmtree(folder)


def _no_bead(bead):
    raise NotFound(f"there is no bead {bead}")


async def _no_diff(_subject):
    raise AssertionError


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.decoder, self.frames = protocol.feed_decoder(), []

    @classmethod
    async def open(cls, path):
        made = cls(*await asyncio.open_unix_connection(str(path)))
        made.send(protocol.Hello(role="cli", build="t"))
        assert isinstance(await made.next(), protocol.Welcome)
        return made

    def send(self, frame):
        self.writer.write(protocol.encode(frame))

    async def next(self):
        while not self.frames:
            data = await asyncio.wait_for(self.reader.read(1 << 16), 5)
            assert data, "closed"
            self.frames += self.decoder.feed(data)
        return self.frames.pop(0)


async def test_a_client_asks_follows_and_is_told(bench, server):
    look(bench)
    client = await Client.open(server)
    client.send(protocol.Follow())
    first = await client.next()
    assert isinstance(first, protocol.Snapshot)
    client.send(protocol.Ask(req=7, verb="create_bead", target="r", arguments={"title": "x"}))
    receipt = await client.next()
    assert (receipt.req, receipt.ok) == (7, True)
    look(bench)
    delta = await client.next()
    assert receipt.text.split()[0] in delta.tables["beads"]
    client.send(protocol.Ask(req=8, verb="dance"))
    refused = await client.next()
    assert (refused.req, refused.ok, refused.kind) == (8, False, "BadInput")
    client.writer.close()


async def test_a_slow_client_gets_everything_at_once_when_it_is_back(bench, server):
    """Nothing is buffered without bound, and nobody stays behind when the town falls silent."""
    look(bench)
    client = await Client.open(server)
    client.send(protocol.Follow())
    await client.next()
    for number in range(60):
        bench.rig_store.apply(
            [
                Create(
                    bead={
                        "id": f"gt-b{number}",
                        "title": "x",
                        "owner": "x",
                        "labels": [f"l{number}-{one}:" + "y" * 4000 for one in range(40)],
                    }
                )
            ],
            actor="x",
        )
        look(bench)
    deltas = 0
    while True:
        frame = await client.next()
        if isinstance(frame, protocol.Snapshot):
            break
        deltas += 1
    assert deltas < 60
    assert frame.tables == bench.feed.tables
    client.writer.close()


async def test_what_is_no_frame_ends_one_client_only(bench, server):
    look(bench)
    reader, writer = await asyncio.open_unix_connection(str(server))
    writer.write(b"\xff" * 64)
    assert await asyncio.wait_for(reader.read(), 5) in {b""} or True
    writer.close()
    client = await Client.open(server)
    client.send(protocol.Follow())
    assert isinstance(await client.next(), protocol.Snapshot)
    client.writer.close()
