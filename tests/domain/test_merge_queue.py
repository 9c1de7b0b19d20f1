"""The merge queue's order and its bisection."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.domain.merge_queue import after_red, bound, in_order, next_batch, score
from gastown_tui.domain.town import Request


def request(n, **fields):
    base = {
        "id": f"hq-{n:05d}", "rig": "r", "bead": f"gt-{n}", "agent": "a", "state": "approved",
        "created": 0.0, "submitted": f"c{n}", "approved": f"c{n}",
    }  # fmt: skip
    return Request(**(base | fields))


def land_all(count, bad, batch):
    """Run the queue in memory; the landed ids and the number of gate runs."""
    queue = {one.id: one for one in (request(n) for n in range(count))}
    landed, runs, rejected = set(), 0, set()
    while group := next_batch(queue.values(), batch, 0.0):
        runs += 1
        names = {one.id for one in group}
        if names & bad:
            if len(group) == 1:
                rejected |= names
                del queue[group[0].id]
            for name, suspect in after_red(names, list(queue.values())).items():
                queue[name] = request(int(name[3:]), suspect=suspect)
        else:
            landed |= names
            for name in names:
                del queue[name]
        assert runs < 10 * count
    return landed, rejected, runs


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 60), st.integers(1, 20), st.randoms(use_true_random=False))
def test_every_good_request_lands_and_every_bad_one_is_named(count, batch, rng):
    bad = {f"hq-{n:05d}" for n in range(count) if rng.random() < 0.1}
    landed, rejected, _ = land_all(count, bad, batch)
    assert rejected == bad
    assert landed == {f"hq-{n:05d}" for n in range(count)} - bad


@pytest.mark.parametrize("seed", range(12))
def test_a_thousand_requests_with_ten_bad_stay_within_the_bound(seed):
    bad = {f"hq-{n:05d}" for n in random.Random(seed).sample(range(1000), 10)}
    _, rejected, runs = land_all(1000, bad, 20)
    assert rejected == bad
    assert runs <= bound(1000, 10, 20)
    assert runs < 200


def test_score_follows_priority_age_convoy_and_attempts():
    hour = 3600.0
    assert score(request(1, priority=0), 0) - score(request(1, priority=1), 0) == 100
    assert score(request(1), hour) - score(request(1), 0) == 1
    assert score(request(1, attempt=3), 0) == score(request(1), 0) - 100
    assert score(request(1, attempt=30), 0) == score(request(1), 0) - 300
    assert score(request(1), hour, 0.0) == score(request(1), hour) + 10
    assert score(request(1, priority=99), 0) == score(request(1, priority=4), 0)
    assert score(request(1, created=hour), 0) == score(request(1), 0)


def test_what_is_not_approved_for_its_commit_does_not_land():
    stale = request(1, approved="other")
    held = request(2, state="held")
    assert next_batch([stale, held], 5, 0.0) == []


def test_old_requests_of_low_priority_come_to_their_turn():
    day = 86400.0
    old, new = request(1, priority=4, created=0.0), request(2, priority=0, created=20 * day)
    assert [one.id for one in in_order([old, new], 20 * day)] == [old.id, new.id]
