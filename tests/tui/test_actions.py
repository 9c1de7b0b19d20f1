"""Each action: what is asked of the town when its key is pressed."""

from __future__ import annotations

import asyncio

import fake_town
import pytest
from textual import events

from gastown_tui.protocol import Receipt
from gastown_tui.tui.actions import ACTIONS
from gastown_tui.tui.handlers.table import HANDLERS
from gastown_tui.tui.screens.diff import DiffScreen
from gastown_tui.viewmodels.agents import needy

NOW = fake_town.NOW


def wait_for_permission(seat, agent="ledgerly/polecats/toast"):
    """Let an agent ask for a permission; its name."""
    row = dict(seat.town.feed["agents"][agent]) | {
        "state": "waiting", "needs": "permission", "needs_since": 1.0, "question": "Run it?",
    }  # fmt: skip
    seat.town.feed["agents"][agent] = row
    seat.town.change(agents={agent: row})
    return agent


async def go(s, agent):
    """Put the cursor on an agent."""
    s.board.reveal("agents", agent)
    await s.pilot.pause()
    assert s.board.stage.selected == agent


def test_every_action_has_a_handler():
    town = {each.id for each in ACTIONS if each.context in ("nav", "pane")}
    assert town == set(HANDLERS)


async def test_moving_follows_with_the_pane(seat):
    async with seat() as s:
        assert s.board.stage.selected == "mayor"
        await s.press("j")
        first = s.board.stage.selected
        assert first.startswith("gateway/")
        await s.press("down", "k", "k")
        assert s.board.stage.selected == "mayor"
        await s.press("G")
        assert s.board.panels.cursor("agents") == s.board.panels.listed_agents()[-1]
        await s.press("g")
        assert s.board.stage.selected == "mayor"


async def test_focus_sends_every_key_until_the_leave_key(seat):
    async with seat() as s:
        await s.press("j", "enter")
        agent = s.board.stage.selected
        for key in ("q", "escape", "ctrl+c", "tab", "ctrl+p", "X", "full_stop"):
            await s.press(key)
        assert [each[2] for each in s.screens.sent] == [
            "q",
            "escape",
            "ctrl+c",
            "tab",
            "ctrl+p",
            "X",
            "full_stop",
        ]
        assert s.screens.sent[0] == ("key", agent, "q", "q")
        assert s.screens.sent[6][3] == "."
        await s.press("ctrl+q")
        assert not s.board.stage.pane.has_focus
        assert len(s.screens.sent) == 7
        await s.press("j")
        assert s.board.stage.selected != agent


async def test_the_leave_key_twice_sends_one(seat):
    async with seat() as s:
        await s.press("enter")
        await s.press("ctrl+q", "ctrl+q")
        assert s.screens.sent == [("key", "mayor", "ctrl+q", "")]
        assert s.board.stage.pane.has_focus
        await s.press("ctrl+q")
        s.later(0.45)
        await s.press("ctrl+q")
        assert len(s.screens.sent) == 1
        assert s.app.is_running


async def test_a_paste_goes_to_the_focused_agent_as_one(seat):
    async with seat() as s:
        await s.press("enter")
        s.app.post_message(events.Paste("two\nlines"))
        await s.until(lambda: s.screens.sent)
        assert s.screens.sent == [("paste", "mayor", "two\nlines")]


async def test_who_needs_me_in_order_and_round(seat):
    async with seat(agents=24) as s:
        order = needy(s.town.feed["agents"])
        seen = []
        for _ in order:
            await s.press("w")
            seen.append(s.board.stage.selected)
        assert seen == [*order]
        for request in ("mr-4", "mr-3", "mr-12"):  # in review, the oldest first; then rejected
            await s.press("w")
            assert s.board.panels.active == "queue"
            assert s.board.panels.cursor("queue") == request
        await s.press("w")
        assert s.board.panels.active == "agents"
        assert s.board.stage.selected == order[0]
        await s.press("W")
        assert s.board.panels.cursor("queue") == "mr-12"
        calm = dict.fromkeys(s.town.feed["agents"]), dict.fromkeys(s.town.feed["mq"])
        s.town.change(agents=calm[0], mq=calm[1])
        await s.press("w")
        assert "nobody needs you" in s.toasts()


async def test_only_who_needs_me(seat):
    async with seat(agents=24) as s:
        await s.press("p")
        assert set(s.board.panels.listed_agents()) == set(needy(s.town.feed["agents"]))
        await s.press("escape")
        assert len(s.board.panels.listed_agents()) == 24


async def test_nudge(seat):
    async with seat() as s:
        await s.press("j", "n")
        await s.overlay()
        await s.write("try again")
        await s.press("ctrl+j")
        await s.write("please")
        await s.press("enter")
        await s.until(lambda: s.asked)
        agent = s.board.stage.selected
        assert s.asked == [("nudge", agent, {"text": "try again\nplease", "mode": "wait-idle"})]
        assert s.board._overlay is None
        assert s.board.panels.lists["agents"].has_focus


async def test_a_cancelled_or_empty_nudge_asks_nothing(seat):
    async with seat() as s:
        await s.press("n")
        await s.overlay()
        await s.press("enter")
        assert s.board._overlay is not None
        await s.press("escape")
        await s.until(lambda: s.board._overlay is None)
        assert s.asked == []


async def test_nudge_with_a_mode(seat):
    async with seat() as s:
        await s.press("N")
        await s.overlay()
        await s.press("i")
        await s.until(lambda: s.board._overlay is not None and hasattr(s.board._overlay, "field"))
        await s.write("stop")
        await s.press("enter")
        await s.until(lambda: len(s.asked) == 2)
        assert [each[0] for each in s.asked] == ["interrupt", "nudge"]
        assert s.asked[1][2] == {"text": "stop", "mode": "wait-idle"}


async def test_broadcast_to_the_marked(seat):
    async with seat() as s:
        await s.press("j", "space", "space", "b")
        await s.overlay()
        await s.write("all hands")
        await s.press("enter")
        await s.until(lambda: len(s.asked) == 2)
        assert {target for _, target, _ in s.asked} == set(s.board.panels.listed_agents()[1:3])


@pytest.mark.parametrize(
    ("key", "verb"), [("a", "approve_dialog"), ("A", "approve_always"), ("D", "deny_dialog")]
)
async def test_dialogs_are_answered_with_the_rows_that_were_seen(seat, key, verb):
    async with seat() as s:
        agent = wait_for_permission(s)
        await go(s, agent)
        s.later(0.3)
        await s.press(key)
        if key == "A":
            await s.overlay()
            s.screens.signal(agent, rows_hash="another")
            await s.press("y")
        if key == "D":
            await s.overlay()
            await s.write("no")
            await s.press("enter")
        reason = {"reason": "no"} if key == "D" else {}
        await s.until(lambda: s.asked)
        assert s.asked == [(verb, agent, {"if_rows": "h1"} | reason)]


async def test_a_dialog_that_has_just_changed_is_not_answered(seat):
    async with seat() as s:
        agent = wait_for_permission(s)
        await go(s, agent)
        s.later(0.3)
        s.screens.signal(agent, rows_hash="h2")
        await s.press("a")
        assert s.asked == []
        assert any("just changed" in text for text in s.toasts())


async def test_who_does_not_ask_is_not_answered(seat):
    async with seat() as s:
        await s.press("j", "a")
        assert s.asked == []
        assert any("does not ask" in text for text in s.toasts())


async def test_interrupt(seat):
    async with seat() as s:
        await s.press("j", "I")
        await s.until(lambda: s.asked)
        assert s.asked == [("interrupt", s.board.stage.selected, {})]


@pytest.mark.parametrize(
    ("key", "verb", "arguments"),
    [
        ("x", "stop", {}),
        ("X", "kill", {}),
        ("R", "restart", {"fresh": "false"}),
        ("T", "restart", {"fresh": "true"}),
    ],
)
async def test_ending_an_agent_is_confirmed_with_names(seat, key, verb, arguments):
    async with seat() as s:
        await s.press("j", key)
        agent = s.board.stage.selected
        dialog = await s.overlay()
        row = s.town.feed["agents"][agent]
        for part in (row["name"], row["bead"], row["branch"]):
            assert part in dialog.text
        await s.press("y")
        await s.until(lambda: s.asked)
        assert s.asked == [(verb, agent, arguments)]


async def test_marked_agents_are_ended_together(seat):
    async with seat() as s:
        await s.press("j", "space", "space", "X")
        dialog = await s.overlay()
        assert "2 agents" in dialog.text
        await s.press("enter")
        await s.until(lambda: len(s.asked) == 2)


async def test_pause_and_go_on(seat):
    async with seat() as s:
        await s.press("j", "P")
        await s.until(lambda: s.asked)
        agent = s.board.stage.selected
        row = dict(s.town.feed["agents"][agent]) | {"wanted": "paused"}
        s.town.change(agents={agent: row})
        await asyncio.sleep(0.1)
        await s.press("P")
        await s.until(lambda: len(s.asked) == 2)
        assert [each[0] for each in s.asked] == ["pause", "resume"]


@pytest.mark.parametrize(
    ("key", "verb"),
    [("a", "approve"), ("r", "reject"), ("h", "hold"), ("t", "retry"), ("d", "drop")],
)
async def test_the_merge_queue_menu(seat, key, verb):
    async with seat() as s:
        await s.press("3", "j", "j", "m")
        await s.overlay()
        await s.press(key)
        if verb in ("approve", "drop"):
            await s.until(lambda: hasattr(s.board._overlay, "_shown"))
            s.later(0.32)
            await s.press("y")
        if verb == "reject":
            await s.until(lambda: hasattr(s.board._overlay, "field"))
            await s.write("too slow")
            await s.press("enter")
        await s.until(lambda: s.asked)
        expected = {
            "approve": {"tip": s.town.feed["mq"]["mr-3"]["submitted"]},
            "reject": {"reason": "too slow"},
        }
        assert s.asked == [(verb, "mr-3", expected.get(verb, {}))]


@pytest.mark.parametrize("density", ["auto", "tiles"])
async def test_the_gates_of_a_request_run_in_the_pane(seat, density):
    session = "gate/ledgerly/mr-2"
    async with seat() as s:
        row = s.town.feed["mq"]["mr-2"] | {
            "gate": "running", "gate_session": session, "gate_limit_s": 1800.0, "since": NOW - 41,
        }  # fmt: skip
        s.town.change(mq={"mr-2": row})
        s.screens.pictures[session] = [fake_town.text_row("collected 12 items")]
        s.board.desk.density = density
        s.board.relayout()
        await s.press("3", "j", "L")
        await s.until(lambda: "collected 12 items" in s.text())
        await s.until(lambda: "gates of Parse RFC 3339" in s.text())
        assert "41s of 30m" in s.text()
        await s.pilot.click(s.board.stage.pane)
        assert not s.board.stage.pane.has_focus
        row = row | {"state": "landing", "gate_session": "gate/ledgerly/landing"}
        s.town.change(mq={"mr-2": row})
        await s.until(lambda: s.board.stage.pane.session == "gate/ledgerly/landing")
        s.town.change(mq={"mr-2": None})
        await s.pilot.pause()
        assert s.board.stage.pane.session == "gate/ledgerly/landing"
        await s.press("escape")
        assert s.board.stage.pane_shown == (density == "auto")
        assert not s.board.stage.pane_shown or s.board.stage.pane.session == "mayor"
        assert s.screens.subscribed.keys().isdisjoint({session, "gate/ledgerly/landing"})


async def test_gates_give_way_to_the_agent_that_is_looked_at(seat):
    async with seat() as s:
        row = s.town.feed["mq"]["mr-2"] | {"gate_session": "gate/ledgerly/mr-2"}
        s.town.change(mq={"mr-2": row})
        await s.press("3", "j", "L", "enter")
        await s.press("x", "ctrl+q")
        assert s.screens.sent == [("key", row["agent"], "x", "x")]
        assert s.board.stage.pane.session == row["agent"]


async def test_gates_are_ended_from_the_menu(seat):
    async with seat() as s:
        await s.press("3", "j", "m")
        await s.overlay()
        assert "End its gates now" in s.text()
        await s.press("c")
        await s.until(lambda: s.asked)
        assert s.asked == [("cancel", "mr-2", {})]


async def test_create_a_bead(seat):
    async with seat() as s:
        await s.press("B")
        await s.overlay()
        await s.write("ledg")
        await s.press("enter")
        await s.until(lambda: getattr(s.board._overlay, "_title", "") == "What is it?")
        await s.press("b")
        await s.until(lambda: hasattr(s.board._overlay, "field"))
        await s.write("It breaks")
        await s.press("ctrl+j")
        await s.write("often")
        await s.press("enter")
        await s.until(lambda: s.asked)
        assert s.asked == [("create_bead",
                "ledgerly", {
            "title": "It breaks", "description": "often", "type": "bug", "priority": "2",
        })]  # fmt: skip


async def test_sling_the_bead_under_the_cursor(seat):
    async with seat() as s:
        s.board.reveal("tree", "ld-e1.5")
        await s.press("s")
        await s.overlay()
        await s.press("a")
        await s.until(lambda: s.asked)
        assert s.asked == [("sling", "ld-e1.5", {"rig": "ledgerly"})]


async def test_sling_to_the_agent_under_the_cursor(seat):
    async with seat() as s:
        await go(s, "ledgerly/polecats/toast")
        await s.press("s")
        finder = await s.overlay()
        assert all(not each.id.endswith((".1", ".3")) for each in finder.found)
        await s.press("enter")
        await s.until(lambda: s.asked)
        verb, _, arguments = s.asked[0]
        assert (verb, arguments["agent"]) == ("sling", "ledgerly/polecats/toast")


async def test_emergency_stop_needs_the_word(seat):
    async with seat() as s:
        await s.press("E")
        await s.overlay()
        await s.write("stop")
        await s.press("enter")
        assert s.asked == []
        await s.press("ctrl+u")
        s.board._overlay.field.clear()
        await s.write("STOP")
        await s.press("enter")
        await s.until(lambda: s.asked)
        assert s.asked[0][0] == "estop"
        await s.press("U")
        await s.overlay()
        await s.press("y")
        await s.until(lambda: len(s.asked) == 2)
        assert s.asked[1][0] == "thaw"


async def test_the_palette_runs_an_action_and_finds_an_agent(seat):
    async with seat() as s:
        await s.press("colon")
        await s.overlay()
        await s.write("density")
        await s.press("enter")
        await s.until(lambda: s.board.desk.density == "tiles")
        await s.press("ctrl+p")
        await s.overlay()
        await s.write("toast")
        await s.press("enter")
        await s.until(lambda: s.board.stage.selected == "ledgerly/polecats/toast")


async def test_help_lists_every_action(seat):
    async with seat() as s:
        await s.press("question_mark")
        finder = await s.overlay()
        assert {each.id for each in finder.found} == {f"action:{each.id}" for each in ACTIONS}
        await s.write("talk to the mayor")
        await s.press("enter")
        await s.until(lambda: s.board.stage.pane.has_focus)
        assert s.board.stage.selected == "mayor"


async def test_mayor_on_one_key(seat):
    async with seat() as s:
        await s.press("j", "j", "M")
        assert s.board.stage.selected == "mayor"
        assert s.board.stage.pane.has_focus


async def test_a_mayor_who_is_not_there_is_called(seat):
    async with seat() as s:
        row = s.town.feed["agents"]["mayor"]
        s.town.change(agents={"mayor": None})
        await s.until(lambda: "mayor" not in s.board.panels.listed_agents())
        await s.press("M")
        await s.until(lambda: s.asked)
        assert s.asked == [("mayor", "", {})]
        s.town.change(agents={"mayor": row})
        await s.until(lambda: s.board.stage.pane.has_focus)
        assert s.board.stage.selected == "mayor"


@pytest.mark.parametrize(
    ("typed", "verb"),
    [("pause town", "pause_town"), ("paused go on", "up"), ("held rig", "release")],
)  # fmt: skip
async def test_the_palette_alone_has_what_is_seldom_needed(seat, typed, verb):
    async with seat() as s:
        s.town.change(rigs={"ledgerly": {"name": "ledgerly", "held": "upstream was rewritten"}})
        await s.press("colon")
        await s.overlay()
        await s.write(typed)
        await s.press("enter")
        if verb == "release":
            await s.until(lambda: getattr(s.board._overlay, "_title", "").startswith("Let whose"))
            await s.press("enter")
        await s.until(lambda: s.asked)
        assert s.asked == [(verb, "ledgerly" if verb == "release" else "", {})]


async def test_quit_ends_nothing_and_says_so(seat):
    async with seat() as s:
        await s.press("q")
        await s.until(lambda: not s.app.is_running)
        assert s.asked == []


async def test_a_refusal_is_shown_in_its_own_words(seat):
    async with seat() as s:
        s.town.receipt = Receipt(req=0, ok=False, text="[b]nux[/b] holds a lock")
        await s.press("j", "I")
        await s.until(s.toasts)
        assert "[b]nux[/b] holds a lock" in s.toasts()


async def test_without_a_controller_keys_go_on_and_requests_say_why(seat):
    async with seat() as s:
        s.town.down = True
        await s.press("j", "I")
        await s.until(s.toasts)
        assert "not running" in s.toasts()[0]
        await s.press("enter", "h")
        assert s.screens.sent


async def test_diff_opens_and_approves_the_tip_that_was_shown(seat):
    async with seat() as s:
        await s.press("3", "j", "j", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        assert s.screens.subscribed == {}
        await s.press("m")
        await s.until(lambda: s.asked)
        assert s.asked == [("approve", "mr-3", {"tip": "8be01d4"})]
        await s.until(lambda: s.screens.subscribed)


async def test_diff_rejects_with_a_reason(seat):
    async with seat() as s:
        await s.press("3", "j", "j", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await s.press("x")
        await s.until(lambda: s.app.screen._composer is not None)
        await s.write("q no")
        await s.press("enter")
        await s.until(lambda: s.asked)
        assert s.asked == [("reject", "mr-3", {"reason": "q no"})]


async def test_diff_of_an_agent_without_a_request_only_shows(seat):
    async with seat() as s:
        s.town.change(mq=dict.fromkeys(s.town.feed["mq"]))
        await asyncio.sleep(0.1)
        await s.press("j", "d")
        await s.until(lambda: isinstance(s.app.screen, DiffScreen))
        await s.press("m", "q")
        await s.until(lambda: s.app.screen is s.board)
        assert s.asked == []


async def test_help_begins_with_the_letters_of_the_states(seat):
    async with seat() as s:
        await s.press("question_mark")
        await s.overlay()
        await s.pilot.pause()
        assert "W working" in s.text()
        assert "P permission" in s.text()
        await s.write("kill")
        assert "P permission" not in s.text()


@pytest.mark.parametrize(
    ("alive", "words"),
    [(0, "no agent is running"), (1, "1 agent is running"), (3, "3 agents are running")],
)
async def test_quitting_counts_who_is_alive(seat, alive, words):
    async with seat() as s:
        feed = s.town.feed["agents"]
        s.town.change(
            agents={key: row | {"alive": at < alive} for at, (key, row) in enumerate(feed.items())}
        )
        await s.until(lambda: "alive" in s.board.store.row("agents", "mayor"))
        said = []
        s.app.exit = lambda **with_words: said.append(with_words["message"])
        await s.press("q")
        assert words in said[0]


async def test_a_gate_in_the_tree_is_opened_and_found_by_next_need(seat):
    async with seat() as s:
        gate = {"id": "le-g", "rig": "ledgerly", "title": "Is it good?", "type": "gate",
                "status": "open", "why": "a person decides", "yours": True}  # fmt: skip
        s.town.change(beads={"le-g": gate})
        await s.until(lambda: s.board.panels.yours)
        for _ in range(60):
            if s.board.panels.active == "tree":
                break
            await s.press("w")
        assert s.board.panels.cursor("tree") == "le-g"
        assert "◇1" in s.text()
        await s.press("a")
        await s.overlay()
        await s.press("y")
        await s.until(lambda: s.asked)
        assert s.asked == [("gate_open", "le-g", {})]
