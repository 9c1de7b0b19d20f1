"""Nothing acknowledged is lost or done twice, whatever happens to the writers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import contention

CHAOS = Path(__file__).parent / "chaos.py"
CONTENTION = CHAOS.with_name("contention.py")
MEMORY = Path("/dev/shm")


def chaos(*arguments: object, folder: Path, program: Path = CHAOS) -> dict:
    """Run the harness; in memory where that is possible, since killing is not pulling the plug."""
    where = MEMORY if os.access(MEMORY, os.W_OK) else folder
    done = subprocess.run(
        [sys.executable, str(program), *map(str, arguments)],
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


def test_twenty_processes_fight_for_the_same_beads(tmp_path):
    found = chaos(20, 1200, 5, folder=tmp_path, program=CONTENTION)
    assert found["claim"] > 50
    assert found["refused"] > 50


@pytest.mark.slow
def test_forty_processes_fight_for_the_same_beads(tmp_path):
    assert chaos(40, 10_000, 6, folder=tmp_path, program=CONTENTION)["acts"] == 10_000


def act(kind, begun, ended, change=0, note="", who=""):
    return contention.Act(kind, "x-b", begun, ended, change, note, who)


TAKEN = act("claim", 10, 20, 1, "a.1", "a")
FREED = act("release", 30, 40, 2, "a.2", "a")


@pytest.mark.parametrize(
    "wrong",
    [
        act("claim", 22, 25, 3, "b.1", "b"),
        act("claim", 32, 45, 1, "b.1", "b"),
        act("look", 50, 60, note="a.1", who="a"),
        act("look", 22, 28, note="", who=""),
        act("look", 1, 5, note="a.1", who="a"),
        act("look", 22, 28, note="a.1", who=""),
        act("refused", 22, 28, who="b"),
        act("refused", 50, 60, who="a"),
    ],
)
def test_a_history_without_one_order_is_noticed(wrong):
    fine = [TAKEN, FREED, act("look", 32, 38, note="a.1", who="a"), act("refused", 5, 12, who="a")]
    contention.check(fine)
    with pytest.raises(AssertionError):
        contention.check([*fine, wrong])


def test_a_look_that_goes_back_is_noticed():
    new, old = act("look", 31, 33, note="a.2", who=""), act("look", 34, 36, note="a.1", who="a")
    with pytest.raises(AssertionError, match="less than"):
        contention.check([TAKEN, FREED, new, old])


def test_twenty_processes_open_for_the_first_time(tmp_path):
    assert chaos("first", 20, folder=tmp_path)["opened"] == 100


def test_no_room_leaves_nothing_half_there(tmp_path):
    write, fold = chaos("full", folder=tmp_path)["told"]
    assert "nothing was changed" in write
    assert "\n" not in write
    assert "nothing was changed" in fold
