"""A bead that is put off is open again within seconds of its moment, also one that passed unseen."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from towns import wait_for

from gastown_tui.cli.common import tables


def in_seconds(seconds):
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat()


def status(town, bead):
    """As the feed tells it; empty while it does not."""
    return tables(town.path)["beads"].get(bead, {}).get("status", "")


@pytest.mark.slow
def test_it_is_woken_by_the_controller(town):
    passed = town.bead("while nobody was there", "--defer", in_seconds(2))
    time.sleep(2.1)  # its moment must pass, and nobody may look
    town.ok("up")
    wait_for(lambda: status(town, passed) == "open")
    later = town.bead("later", "--defer", in_seconds(3))
    wait_for(lambda: status(town, later) == "deferred", 2.5)
    due = time.monotonic() + 3
    wait_for(lambda: status(town, later) == "open")
    assert time.monotonic() - due < 6
    assert json.loads(town.ok("bead", "show", later, "--json"))[0]["status"] == "open"
