"""The drivers around the machines: nudger, keeper, table of runs."""

from __future__ import annotations

import asyncio
import time

import pytest
from service_fakes import NUX

from gastown_tui import protocol
from gastown_tui.domain import records
from gastown_tui.domain.agents.dialogs import find_dialog
from gastown_tui.domain.agents.state import AgentState
from gastown_tui.domain.errors import Damaged, Unavailable
from gastown_tui.domain.town import Agent, Now
from gastown_tui.services import keeper
from gastown_tui.services import nudger as nudger_module
from gastown_tui.services.keeper import Keeper
from gastown_tui.services.nudger import Nudger
from gastown_tui.services.runs import RunTable

LINE = "─" * 60


class Terminal:
    """A program with a prompt box; `sees` is called with its signals whenever they change."""

    def __init__(self):
        self.box, self.taken, self.prompts, self.generation = "", [], 0, 0
        self.state, self.is_gone, self.is_deaf = "idle", False, False
        self.sees = lambda signals: None
        self.screen: list[str] = []

    @property
    def signals(self):
        rows = self.screen or ["● text", LINE, *(f"❯ {one}" for one in self.box.split("\n")), LINE]
        return protocol.Signals(
            session=NUX, bottom=rows, rows_hash=str(hash(str(rows))), bracketed_paste=True,
            input_generation=self.generation, last_output=1.0,
        )  # fmt: skip

    async def type_text(self, session, data, *, if_generation, if_rows):
        if self.is_gone:
            raise Unavailable("gone")
        if if_generation is not None and if_generation != self.generation:
            return protocol.Typed(req=0, ok=False, reason="generation")
        if if_rows and if_rows != self.signals.rows_hash:
            return protocol.Typed(req=0, ok=False, reason="rows")
        if data == b"\r" and self.screen:
            self.screen = []
        elif data == b"\r":
            if not self.is_deaf:
                self.taken.append(self.box)
                self.box, self.state = "", "working"
                self.prompts += 1
        else:
            self.box += data.removeprefix(b"\x1b[200~").removesuffix(b"\x1b[201~").decode()
        asyncio.get_running_loop().call_later(0.01, self.tell)
        return protocol.Typed(req=0, ok=True)

    def tell(self):
        self.sees(self.signals)

    def look(self, _session):
        return self.signals, AgentState(state=self.state), self.prompts


class RealClock:
    def now(self):
        return Now(wall=time.time(), awake=time.monotonic())


@pytest.fixture
def seat(bench):
    agent = Agent(address=NUX, record="hq-x", rig="r", name="nux", entry="claude")
    bench.town_store.apply([records.create_agent(agent)], actor="me")
    bench.context.sync()
    terminal = Terminal()
    bench.context.clock, bench.context.screens = RealClock(), terminal
    nudger = Nudger(bench.context, terminal.look)
    terminal.sees = nudger.on_signals
    return nudger, terminal


async def test_a_nudge_arrives(seat):
    nudger, terminal = seat
    assert (await nudger.nudge(NUX, "go on, please")).startswith("submitted")
    assert terminal.taken == ["go on, please"]


async def test_two_nudges_do_not_mix(seat):
    nudger, terminal = seat

    async def one(text):
        receipt = await nudger.nudge(NUX, text)
        terminal.state = "idle"
        return receipt

    receipts = await asyncio.gather(one("first text"), one("second text"))
    assert all(receipt.startswith("submitted") for receipt in receipts), receipts
    assert sorted(terminal.taken) == ["first text", "second text"]


async def test_a_person_who_types_is_never_mixed_with(seat):
    nudger, terminal = seat
    terminal.box, terminal.generation = "half a thou", 3
    receipt = await nudger.nudge(NUX, "go on", patience_s=0.3)
    assert not receipt.startswith("submitted")
    assert terminal.box == "half a thou"


async def test_a_terminal_that_has_gone_is_a_receipt_and_no_error(seat):
    nudger, terminal = seat
    terminal.is_gone = True
    receipt = await nudger.nudge(NUX, "go on", patience_s=0.3)
    assert not receipt.startswith("submitted")


async def test_what_is_queued_is_tried_until_the_agent_is_ready(seat):
    nudger, terminal = seat
    terminal.state = "waiting"
    assert (await nudger.nudge(NUX, "go on", mode="wait", patience_s=0.1)).startswith("queued")
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    nudger.queue(NUX, "go on", told.set_result)
    await asyncio.sleep(0.05)
    terminal.state = "idle"
    terminal.tell()
    assert (await asyncio.wait_for(told, 10)).startswith("submitted")


DIALOG = [LINE, " Do you want to proceed?", " ❯ 1. Yes", "   2. No", "", " Esc to cancel"]


async def test_what_waits_for_a_dialog_does_not_keep_it_from_being_answered(seat):
    """Delivered in order, once the dialog is gone."""
    nudger, terminal = seat
    terminal.screen = DIALOG
    assert (await nudger.nudge(NUX, "one", mode="wait")).startswith("queued: it shows a permission")
    told: list[str] = []
    for text in ("one", "two"):
        nudger.queue(NUX, text, told.append)
    await asyncio.sleep(0.1)
    receipt = await asyncio.wait_for(nudger.answer(NUX, find_dialog(DIALOG), "approve"), 5)
    assert receipt.startswith("submitted")

    def at_its_prompt():
        terminal.state = "idle"
        terminal.tell()
        return len(told) == 2

    await poll(at_its_prompt, 20)
    assert terminal.taken == ["one", "two"]
    assert all(one.startswith("submitted") for one in told)


async def test_what_can_never_be_delivered_is_given_up(seat, monkeypatch):
    nudger, terminal = seat
    terminal.screen = DIALOG
    monkeypatch.setattr(nudger_module, "QUEUE_S", 0.0)
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    nudger.queue(NUX, "one", told.set_result)
    assert (await asyncio.wait_for(told, 10)).startswith("refused: it waited")


class Stored:
    def __init__(self):
        self.last_change, self.folds, self.error = 1, 0, None

    def fold(self):
        self.folds += 1
        if self.error:
            raise self.error


@pytest.fixture
def kept(monkeypatch):
    monkeypatch.setattr(keeper, "_LOOK_S", 0.01)
    monkeypatch.setattr(keeper, "QUIET_S", 0.05)
    monkeypatch.setattr(keeper, "LONGEST_S", 0.3)
    store, commits = Stored(), []
    return Keeper(lambda: {"r": store}, commits.append), store, commits


async def poll(condition, longest_s=5.0):
    until = time.monotonic() + longest_s
    while not condition():
        assert time.monotonic() < until
        await asyncio.sleep(0.005)


async def running(work):
    task = asyncio.ensure_future(work)
    await asyncio.sleep(0)
    return task


async def test_a_quiet_store_is_folded_and_committed_once(kept):
    made, store, commits = kept
    task = await running(made.run())
    await poll(lambda: commits == ["r"])
    await asyncio.sleep(0.15)
    assert store.folds == 1
    store.last_change = 2
    await poll(lambda: commits == ["r", "r"])
    task.cancel()


async def test_a_store_that_is_never_quiet_is_folded_all_the_same(kept):
    made, store, commits = kept
    task = await running(made.run())

    def busy():
        store.last_change += 1
        return len(commits) >= 2

    await poll(busy)
    task.cancel()


async def test_a_damaged_file_ends_nothing_and_is_tried_after_the_next_change(kept):
    made, store, commits = kept
    store.error = Damaged("a conflict marker")
    task = await running(made.run())
    await poll(lambda: store.folds == 1)
    store.error = None
    store.last_change = 2
    await poll(lambda: commits == ["r"])
    assert not task.done()
    task.cancel()


async def test_what_failed_is_tried_again_though_nothing_changes(kept):
    made, store, commits = kept
    store.error = Damaged("no room")
    task = await running(made.run())
    await poll(lambda: store.folds == 1)
    store.error = None
    await poll(lambda: commits == ["r"])
    task.cancel()


async def test_why_a_store_is_not_folded_is_told_until_it_is(kept):
    _, store, commits = kept
    told = []
    made = Keeper(lambda: {"r": store}, commits.append, tell=lambda *said: told.append(said))
    store.error = Damaged("a conflict marker")
    task = await running(made.run())
    await poll(lambda: told == [("r", "a conflict marker")])
    store.error = None
    await poll(lambda: commits == ["r"])
    await poll(lambda: told == [("r", "a conflict marker"), ("r", "")])
    task.cancel()


async def test_a_bug_in_a_fold_does_not_end_the_controller(kept):
    made, store, commits = kept
    store.error = ZeroDivisionError("boom")
    task = await running(made.run())
    await poll(lambda: store.folds == 1)
    store.error = None
    store.last_change = 2
    await poll(lambda: commits == ["r"])
    task.cancel()


async def test_a_store_is_tidied_now_and_then_and_a_bug_in_it_ends_nothing(kept, monkeypatch):
    _, store, commits = kept
    monkeypatch.setattr(keeper, "TIDY_S", 0.05)
    tidied = []

    def tidy(name):
        tidied.append((name, store.folds))
        raise ZeroDivisionError("boom")

    task = await running(Keeper(lambda: {"r": store}, commits.append, tidy).run())
    await poll(lambda: len(tidied) >= 2)
    assert tidied[0] == ("r", 1)  # folded first
    store.last_change = 2
    await poll(lambda: commits == ["r", "r"])
    task.cancel()


async def test_a_store_is_tidied_once_after_the_start(kept):
    _, store, commits = kept
    tidied = []
    task = await running(Keeper(lambda: {"r": store}, commits.append, tidied.append).run())
    await poll(lambda: tidied == ["r"])
    store.last_change = 2
    await poll(lambda: commits == ["r", "r"])
    await asyncio.sleep(0.05)
    assert tidied == ["r"]
    task.cancel()


async def test_whoever_waits_for_a_run_learns_of_its_end_or_its_loss():
    table = RunTable(lambda: None)
    row = protocol.RunRow(run="a", name="x", started=1.0)
    table.update(row)
    waits = [asyncio.ensure_future(table.finished("a")) for _ in range(2)]
    await asyncio.sleep(0)
    table.update(protocol.RunRow(run="a", name="x", started=1.0, ended=2.0, code=3, why="exit"))
    assert [one.code for one in await asyncio.gather(*waits)] == [3, 3]
    table.update(protocol.RunRow(run="b", name="x", started=1.0))
    lost = asyncio.ensure_future(table.finished("b"))
    await asyncio.sleep(0)
    table.replace([])
    with pytest.raises(Unavailable):
        await lost


def test_only_old_runs_that_nothing_points_to_are_forgotten():
    table = RunTable(lambda: None)
    for run, ended in (("old", 10.0), ("kept", 10.0), ("new", 90.0), ("alive", 0.0)):
        table.update(protocol.RunRow(run=run, name=run, started=1.0, ended=ended))
    table.forget({"kept"}, before=50.0)
    assert set(table.rows) == set(table.facts) == {"kept", "new", "alive"}
