"""The keys of the overseer against the controller's own table of verbs and real stores."""

from __future__ import annotations

import importlib.util
import sys
from functools import partial
from pathlib import Path

import msgspec
import pytest
from fake_town import FakeScreens, FakeTown

from gastown_tui.domain import records
from gastown_tui.domain.town import Agent, Request
from gastown_tui.protocol import Receipt, RunRow
from gastown_tui.services.feed_rows import build

_FAKES = Path(__file__).parents[1] / "services" / "fakes.py"
_SPEC = importlib.util.spec_from_file_location("service_fakes_of_tui", _FAKES)
fakes = importlib.util.module_from_spec(_SPEC)
sys.modules["service_fakes_of_tui"] = fakes
_SPEC.loader.exec_module(fakes)

NUX = fakes.NUX
TIP = "abcdef1234"


class Controlled(FakeTown):
    """A `TownPort` whose requests a controller carries out."""

    def __init__(self, bench):
        self.bench = bench
        bench.context.sync()
        town = bench.controller.snapshot(bench.facts.refresh(bench.clock.now()))
        super().__init__(build(town, bench.context, bench.facts))

    async def ask(self, verb, target="", **arguments):
        self.asked.append((verb, target, arguments))
        _, text = await self.bench.ask(verb, target, **arguments)
        return Receipt(req=0, ok=True, text=text)


@pytest.fixture
def bench(tmp_path):
    """One agent at work and one change in review, in one rig."""
    made = fakes.Bench(tmp_path / "town")
    agent = Agent(address=NUX, record="hq-r-polecat-nux", rig="r", name="nux", run="run1")
    request = Request(id="hq-mr1", rig="r", bead="gt-1", agent=NUX, submitted=TIP, evidence=TIP,
                      state="review")  # fmt: skip
    made.bead()
    made.hook()
    made.bead(2)
    made.town_store.apply(
        [records.create_agent(agent), records.create_request(request)], actor="me"
    )
    made.table.update(RunRow(run="run1", name=NUX, started=1.0, pid=5))
    yield made
    made.close()


def request(bench):
    return bench.books.requests["hq-mr1"]


def wanted(bench):
    return bench.books.agents[NUX].wanted


def town(bench):
    return records.town_wanted(bench.books.town_record)


def is_made(bench):
    found = [one for one in bench.books.rigs["r"].beads.values() if one.title == "Say hello"]
    return [(one.description, one.issue_type, one.priority) for one in found]


CASES = [
    ("1 n Text:hello", lambda b: b.nudger.said == [(NUX, "hello")]),
    ("1 N i Text:hello", lambda b: b.nudger.said == [(NUX, "hello")] and b.screens.keys),
    ("1 I", lambda b: b.screens.keys == [(NUX, "escape")]),
    ("1 x y", lambda b: wanted(b) == "stopped" and not b.host.ended),
    ("1 X y", lambda b: wanted(b) == "stopped" and b.host.ended),
    ("1 R y", lambda b: wanted(b) == "running" and not b.host.ended),  # it is handed in
    ("1 T y", lambda b: wanted(b) == "running" and b.host.ended),
    ("1 P", lambda b: wanted(b) == "paused" and b.host.signals),
    ("w m a y", lambda b: (request(b).state, request(b).approved) == ("approved", TIP)),
    ("w m r Text:why", lambda b: (request(b).state, request(b).log) == ("rework", "why")),
    ("w m h", lambda b: request(b).state == "held"),
    ("w m t", lambda b: request(b).state == "submitted"),
    ("w m d y", lambda b: request(b).state == "dropped"),
    ("w d m", lambda b: request(b).state == "approved"),
    ("w d x Text:why", lambda b: (request(b).state, request(b).log) == ("rework", "why")),
    ("B b Text:Say~hello|often", lambda b: is_made(b) == [("often", "bug", 2)]),
    ("1 s enter", lambda b: b.rig_store.get("gt-2").label("sling") == NUX),
    ("2 Go:gt-2 s a", lambda b: b.rig_store.get("gt-2").label("sling") == "any"),
    ("E Text:STOP", lambda b: town(b) == "estop" and b.host.signals),
    ("U y", lambda b: town(b) == "up"),
    ("colon Text:Pause~the~town", lambda b: town(b) == "paused"),
]


async def play(s, keys):
    """Press, write and wait for what is shown over the panes or in their place."""
    for key in keys.split():
        kind, _, text = key.partition(":")
        if kind == "Go":
            s.board.panels.lists["tree"].go(text)
        elif kind == "Text":
            for mark in text:
                name = {"|": "ctrl+j", "~": "space"}.get(mark, mark)
                await s.press(name)
            await s.press("enter")
        else:
            await s.press(key)
        for _ in range(4):
            await s.pilot.pause()
        s.later(0.4)


@pytest.mark.parametrize(("keys", "done"), CASES, ids=[keys for keys, _ in CASES])
async def test_a_key_does_what_it_says(seat, bench, keys, done):
    port = Controlled(bench)
    port.diff = partial(shown_diff, port)
    async with seat(town=port, screens=FakeScreens()) as s:
        await play(s, keys)
        await s.until(lambda: port.asked)
        await s.until(s.toasts)
        bench.context.sync()
        assert done(bench), (port.asked, s.toasts())


async def shown_diff(port, subject, since=("", "")):
    found = await FakeTown.diff(port, subject)
    return msgspec.structs.replace(found, tip=TIP)


async def test_without_a_rig_there_is_nothing_to_put_a_bead_in(seat):
    async with seat(town=FakeTown({"town": {"town": {}}}), screens=FakeScreens()) as s:
        await s.press("B")
        assert s.asked == []
        assert "there is no rig yet" in s.toasts()[0]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ("1 n Text:hello", "submitted: nux has it"),
        ("B b Text:Say~hello", "gt-"),
        ("1 R y", "nux may run again, but nothing needs to"),
    ],
)
async def test_a_receipt_says_of_what_it_is(seat, bench, keys, said):
    async with seat(town=Controlled(bench), screens=FakeScreens()) as s:
        await play(s, keys)
        await s.until(s.toasts)
        assert s.toasts()[0].startswith(said)
