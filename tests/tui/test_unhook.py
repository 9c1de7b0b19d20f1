"""Taking a bead off its hook, and starting an agent again that has nothing to do."""

from __future__ import annotations


def working(feed):
    """An agent with a bead, and that bead hooked in the table of beads."""
    name, row = next((key, row) for key, row in feed["agents"].items() if row.get("bead"))
    bead = row["bead"]
    feed["beads"][bead] = feed["beads"].get(bead, {}) | {
        "id": bead, "title": "Retry uploads", "status": "hooked", "assignee": name,
    }  # fmt: skip
    return name, bead


async def test_a_bead_is_taken_off_its_hook_after_a_question(seat):
    async with seat() as s:
        name, bead = working(s.town.feed)
        s.town.change(beads={bead: s.town.feed["beads"][bead]})
        s.board.reveal("agents", name)
        await s.press("u")
        overlay = await s.overlay()
        assert bead in overlay.text
        assert s.board.desk.name(name) in overlay.text
        await s.press("n")
        assert s.asked == []
        await s.press("u")
        await s.overlay()
        await s.press("y")
        await s.until(lambda: s.asked == [("unhook", bead, {})])


async def test_a_bead_on_no_hook_is_said_so(seat):
    async with seat() as s:
        bead = next(key for key, row in s.town.feed["beads"].items() if row["status"] == "closed")
        s.board.reveal("tree", bead)
        await s.press("u")
        assert s.asked == []
        assert s.toasts() == [f"{bead} is on no hook"]


async def test_restarting_who_has_handed_in_says_that_nothing_starts(seat):
    async with seat() as s:
        name, _ = working(s.town.feed)
        row = s.town.feed["agents"][name] | {"request": "mr-9", "state": "stopped"}
        s.town.change(agents={name: row}, mq={"mr-9": {"state": "review", "agent": name}})
        s.board.reveal("agents", name)
        await s.until(lambda: s.board.store.row("mq", "mr-9"))
        await s.press("R")
        overlay = await s.overlay()
        assert "has handed in (review): it starts only if that comes back" in overlay.text
        await s.press("n")
        s.town.change(mq={"mr-9": {"state": "rework", "agent": name}})
        await s.until(lambda: s.board.store.row("mq", "mr-9")["state"] == "rework")
        await s.press("R")
        assert "handed in" not in (await s.overlay()).text
