"""How many agents a machine holds, and what waits for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.capacity import A_SMALL_ONE, ANY, Memory, Room, room, staggered
from gastown_tui.domain.doctor.machine import AN_AGENT

GB = 1_000_000_000
ROOMY = Memory(free=20 * GB, total=24 * GB)


def test_nothing_known_holds_nobody_up():
    assert room(Memory(), young=3, is_real=True) == Room(starts=ANY)


def test_what_was_measured_counts_and_what_has_just_started_is_not_seen_yet():
    assert room(ROOMY, young=0, is_real=True).starts == 18
    assert room(ROOMY, young=5, is_real=True).starts == 13
    measured = Memory(free=20 * GB, total=24 * GB, agents=dict.fromkeys("abc", 500_000_000))
    assert room(measured, young=0, is_real=True).starts == 36
    one = Memory(free=20 * GB, total=24 * GB, agents={"a": 1000})
    assert one.need(AN_AGENT) == (1000 + 2 * AN_AGENT) // 3, "an agent is small when it begins"


@pytest.mark.parametrize(
    ("memory", "words"),
    [
        (Memory(free=int(2.5 * GB), total=24 * GB), "2.5 GB of memory are free"),
        (Memory(free=20 * GB, total=24 * GB, stalled=34.2), "34% of the last ten seconds"),
    ],
)
def test_memory_that_is_short_says_so(memory, words):
    found = room(memory, young=0, is_real=True)
    assert found.starts == 0
    assert words in found.why


def test_a_small_machine_still_runs_small_agents():
    small = Memory(free=500_000_000, total=1 * GB)
    assert room(small, young=0, is_real=False).starts >= 3
    assert small.need(A_SMALL_ONE) == A_SMALL_ONE


@given(
    free=st.integers(0, 10**12), total=st.integers(1, 10**12), young=st.integers(0, 40),
    sizes=st.lists(st.integers(1, 10**10), max_size=5), starting=st.integers(0, 5),
)  # fmt: skip
def test_never_more_than_there_is_room_for(free, total, young, sizes, starting):
    memory = Memory(free=free, total=total, agents={str(at): one for at, one in enumerate(sizes)})
    found = room(memory, young=young, is_real=True)
    assert 0 <= found.starts * memory.need(AN_AGENT) <= max(0, free - memory.spare)
    assert 0 <= staggered(found, starting, 2).starts <= max(0, 2 - starting)
