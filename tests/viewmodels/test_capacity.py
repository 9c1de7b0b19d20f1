"""The arithmetic of how many agents work at once."""

from __future__ import annotations

from gastown_tui.viewmodels.capacity import sums

TOWN = {
    "max_working": 4, "working": 3, "waiting": 2, "memory_free": 8e9, "memory_total": 16e9,
    "memory_agent": 500_000_000, "memory_spare": 2e9, "measured": 3, "cores": 4,
}  # fmt: skip
PAID = {"alive": True, "cost": 3.0, "started": 0.0, "money": "API key ...1234"}


def test_it_says_what_fits_and_what_an_hour_costs():
    text = "\n".join(sums(TOWN, [PAID], 12, 3600.0))
    assert "3 of 4 at work (max_working), 2 beads wait" in text
    assert "an agent takes 0.5 GB (measured on 3)" in text
    assert "9 more x 0.5 GB = 4.5 GB: fits" in text
    assert "processors: 4; 12 agents" in text
    assert "$3.00 an agent-hour over 1.0 h: 12 agents $36 an hour" in text


def test_it_says_what_does_not_fit_and_what_is_not_known():
    text = "\n".join(sums(TOWN, [], 30, 0.0))
    assert "does NOT fit: room for 15" in text
    assert "nothing measured yet" in text
    assert "memory: not known yet" in sums({}, [], 1, 0.0)
