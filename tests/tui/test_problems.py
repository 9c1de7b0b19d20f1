"""What is wrong with the town as a whole stands under the strip, a line each."""

from __future__ import annotations

import pytest

from gastown_tui.tui.ports import LinkState
from gastown_tui.viewmodels.strip import TownFacts, problem_lines, strip_line
from gastown_tui.viewmodels.text import line_cells, line_text

DISK = "the disk of /srv/town has 200 MB left: nothing new is started"
RIG = "ledgerly/rig.toml: land is 'pus': push, local"


async def test_a_problem_comes_and_goes_with_a_line_of_its_own(seat):
    async with seat(agents=6) as s:
        town = s.town.feed["town"]["town"]
        second = s.text().splitlines()[1]
        s.town.change(town={"town": town | {"problems": [DISK, "\x1b[2Ja\nb"]}})
        await s.until(lambda: DISK in s.text().splitlines()[1])
        assert s.text().splitlines()[2].strip() == "‼  [2Ja b"
        assert s.text().splitlines()[3] == second
        s.town.change(town={"town": town | {"problems": []}})
        await s.until(lambda: s.text().splitlines()[1] == second)


async def test_a_zoomed_pane_keeps_its_size_and_the_strip_counts(seat):
    async with seat(agents=6) as s:
        await s.press("z")
        height = s.board.stage.pane.size.height
        town = s.town.feed["town"]["town"]
        s.town.change(town={"town": town | {"problems": [DISK]}})
        await s.until(lambda: "‼ 1 problem " in s.text().splitlines()[0])
        assert s.board.stage.pane.size.height == height


async def test_why_the_controller_does_not_come_back_is_told(seat):
    async with seat(agents=6) as s:
        s.town.listener(LinkState(daemon="controller", up=False, since=1.0, text=RIG))
        await s.until(lambda: RIG in s.text().splitlines()[1])
        assert "controller down" in s.text().splitlines()[0]
        s.town.listener(LinkState(daemon="controller", up=True))
        await s.until(lambda: RIG not in s.text())


@pytest.mark.parametrize("room", [0, 1, 2, 3])
def test_more_problems_than_lines(room):
    lines = problem_lines([DISK, RIG, "three", "four"], room, 40)
    assert len(lines) == room
    assert all(line_cells(line) <= 40 for line in lines)
    if room:
        assert f"and {5 - room} problem" in line_text(lines[-1])


def test_the_strip_counts_what_has_no_line():
    facts = TownFacts(town={"name": "t"}, agents={}, queue={}, problems=2)
    assert "‼ 2 problems" in line_text(strip_line(facts, 80, 0.0))
