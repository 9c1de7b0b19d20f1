"""The bead view: what it shows, where it leads, what is done from it."""

from __future__ import annotations

import msgspec
import pytest

from gastown_tui.protocol import BeadEntry, BeadLink, BeadText
from gastown_tui.tui.screens.bead import BeadScreen

NOW = 1_800_000_000.0
LONG = "# Why\n\nIt **drifts**:\n\n- one\n- two\n\n```py\nround(x)\n```\n" + "\n\nmore\n" * 60


def bead(name: str, **fields: object) -> BeadText:
    row = {
        "id": name, "title": f"Title of {name}", "status": "open", "priority": 1,
        "issue_type": "bug", "created_at": "2027-01-14T08:00:00Z", "updated_at": "u1",
        "description": LONG, "labels": ["hot"],
        "comments": [{"author": "nux", "text": "I `saw` it", "created_at": "2027-01-15T07:00:00Z"}],
    }  # fmt: skip
    return BeadText(
        req=0,
        rig="ledgerly",
        bead=row | fields,
        links=[
            BeadLink(id="le-e", way="parent", type="parent-child", title="Epic", status="open"),
            BeadLink(id="le-b", way="needs", type="blocks", title="Before", status="closed"),
            BeadLink(id="le-gone", way="needs", type="blocks"),
        ],
        history=[BeadEntry(at=NOW - 60, actor="overseer", text="created: Title")],
        ready=True,
    )


@pytest.fixture
def open_bead():
    async def opened(s, **fields):
        name = s.board.panels.cursor("tree") or next(iter(s.board.store.rows("beads")))
        await s.press("2")
        name = s.board.panels.cursor("tree")
        s.town.beads = {name: bead(name, **fields), "le-b": bead("le-b", status="closed"),
                        "le-e": bead("le-e", description="")}  # fmt: skip
        await s.press("v")
        await shows(s, name)
        return name

    return opened


async def shows(s, name):
    await s.until(
        lambda: (
            isinstance(s.app.screen, BeadScreen)
            and s.app.screen._found.bead["id"] == name
            and s.app.screen.view.count > 0
        )
    )
    await s.pilot.pause()


async def test_everything_about_a_bead_is_shown(seat, open_bead):
    async with seat() as s:
        name = await open_bead(s)
        shown = s.text()
        for part in (name, f"Title of {name}", "P1 bug", "ready", "hot", "# Why", "It drifts:",
                     "• one", "│ round(x)"):  # fmt: skip
            assert part in shown
        assert "**" not in shown
        await s.press("G")
        shown = s.text()
        for part in ("Part of", "le-e", "Waits for", "Before", "le-gone", "not here", "1 comment",
                     "I saw it", "History", "created: Title"):  # fmt: skip
            assert part in shown
        await s.press("q")
        await s.until(lambda: s.app.screen is s.board)


async def test_links_are_followed_and_lead_back_to_the_line(seat, open_bead):
    async with seat() as s:
        name = await open_bead(s)
        await s.press("n", "n")
        at = s.app.screen.view.index
        assert s.app.screen.view.linked == "le-b"
        await s.press("enter")
        await shows(s, "le-b")
        await s.press("backspace")
        await shows(s, name)
        assert s.app.screen.view.index == at
        await s.press("backspace")
        await shows(s, name)


async def test_a_comment_and_an_edit_are_asked_for_with_what_was_seen(seat, open_bead):
    async with seat() as s:
        name = await open_bead(s)
        await s.press("c")
        await s.overlay()
        await s.write("hello")
        await s.press("enter")
        await s.until(lambda: s.asked)
        assert s.asked[-1] == ("bead_comment", name, {"text": "hello"})
        await shows(s, name)
        await s.press("p")
        await s.overlay()
        await s.press("0")
        await s.until(lambda: len(s.asked) == 2)
        arguments = {"field": "priority", "value": "0", "seen": "u1"}
        assert s.asked[-1] == ("bead_edit", name, arguments)


async def test_a_closed_bead_offers_to_be_opened_again(seat, open_bead):
    async with seat() as s:
        name = await open_bead(s, status="closed")
        hints = s.text().splitlines()[-1]
        assert "reopen" in hints
        assert "sling" not in hints
        await s.press("r")
        await s.until(lambda: s.asked)
        assert s.asked[-1] == ("bead_reopen", name, {})


async def test_hostile_texts_stay_text(seat, open_bead):
    evil = "[red]x[/red] \x1b[2J \u202e"
    async with seat() as s:
        await open_bead(s, title=evil, description=evil, labels=[evil])
        assert "[red]x[/red]" in s.text()
        assert "\x1b" not in s.text()


@pytest.mark.parametrize("size", [(80, 24), (200, 55), (30, 8)])
async def test_it_fits_any_size(seat, open_bead, size):
    async with seat(size=size) as s:
        await open_bead(s)
        await s.press("G", "g")
        assert s.app.screen.view.index == 0


def test_a_bead_text_travels():
    found = bead("le-1")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(found), type=BeadText) == found
