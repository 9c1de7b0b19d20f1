from __future__ import annotations

import pytest

from bench.hanoi import run


@pytest.mark.slow
def test_workers_that_are_killed_at_random_make_every_move_once_and_in_order(tmp_path):
    found = run(tmp_path, 3, seed=7, lives=(0.5, 7))
    assert found.moves == 7
    assert found.killed >= 2
