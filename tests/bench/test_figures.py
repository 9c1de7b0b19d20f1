"""The arithmetic of benchmarks."""

from __future__ import annotations

import os
import time

import pytest

from bench.figures import Limit, Row, median, number, percentile, table
from bench.processes import cpu_s, pss_mb, watched
from bench.queue import gate_runs
from gastown_tui.domain.merge_queue import bound


def test_percentile_is_the_nearest_rank():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert percentile(values, 0.5) == 3.0
    assert percentile(values, 0.99) == 5.0
    assert percentile(values, 0.0) == 1.0
    assert percentile(range(1, 101), 0.99) == 99
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_median_of_an_even_number_is_the_mean_of_two():
    assert median([4, 1, 3, 2]) == 2.5
    assert median([3, 1, 2]) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.00842, "0.0084"), (0.5, "0.5"), (9.876, "9.88"), (15.62, "15.6"), (1250.4, "1250"),
     (100, "100"), (20, "20")],
)  # fmt: skip
def test_numbers_have_three_digits_that_count(value, text):
    assert number(value) == text


def test_a_limit_is_met_or_missed():
    row = Row(group="g", what="w", ours=0.7, limit=Limit(0.8, least=True))
    assert row.verdict == "MISSED"
    assert Row(group="g", what="w", ours=0.8, limit=Limit(0.8)).verdict == "met"
    assert Row(group="g", what="w", ours=9.0).verdict == ""


def test_a_table_names_a_group_once():
    text = table([Row(group="g", what=what, unit="%", ours=1.0, tmux=2.0) for what in "ab"])
    header, first, second = text.splitlines()
    assert header.split() == ["what", "ours", "tmux", "mprocs", "target", "note"]
    assert first.split() == ["g", "a", "1%", "2%", "-"]
    assert second.split() == ["b", "1%", "2%", "-"]


def test_processor_time_and_memory_of_a_process():
    def burn():
        stop = time.monotonic() + 0.2
        while time.monotonic() < stop:
            pass

    used = watched({"me": os.getpid()}, burn)["me"]
    assert 5 < used < 150  # other programs may have most of the core
    assert cpu_s(os.getpid()) > 0
    assert pss_mb(os.getpid()) > 1
    assert cpu_s(2**22 + 1) == 0


@pytest.mark.parametrize("seed", range(3))
def test_a_simulated_queue_lands_what_is_good_within_the_bound(seed):
    assert 200 / 8 < gate_runs(200, 3, 8, seed) <= bound(200, 3, 8)
