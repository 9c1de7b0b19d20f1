"""Nothing acknowledged is lost or done twice, whatever happens to the writers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CHAOS = Path(__file__).parent / "chaos.py"
MEMORY = Path("/dev/shm")


def chaos(*arguments: object, folder: Path) -> dict:
    """Run the harness; in memory where that is possible, since killing is not pulling the plug."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else folder
    done = subprocess.run(
        [sys.executable, str(CHAOS), *map(str, arguments)],
        env={**os.environ, "TMPDIR": str(where), "PYTHONPATH": str(CHAOS.parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def test_cut_at_many_points_of_write_absorb_and_fold(tmp_path):
    assert chaos("points", 41, 5, folder=tmp_path)["points"] > 40


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("offset", range(4))
def test_cut_at_every_point_of_write_absorb_and_fold(tmp_path, offset):
    assert chaos("points", 4, offset, folder=tmp_path)["points"] > 400


def test_killed_at_random_instants(tmp_path):
    assert chaos("kill", 50, 7, folder=tmp_path)["kills"] == 50


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_killed_a_thousand_times(tmp_path):
    assert chaos("kill", 1000, 11, folder=tmp_path)["kills"] == 1000


def test_twenty_processes_write_at_once(tmp_path):
    assert chaos("crowd", 20, 3, folder=tmp_path)["writes"] == 500


def test_twenty_processes_open_for_the_first_time(tmp_path):
    assert chaos("first", 20, folder=tmp_path)["opened"] == 100


def test_no_room_leaves_nothing_half_there(tmp_path):
    write, fold = chaos("full", folder=tmp_path)["told"]
    assert "nothing was changed" in write
    assert "\n" not in write
    assert "nothing was changed" in fold
