"""Clocks that jump, and machines that sleep: nobody is late because of that."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.bead import Bead
from gastown_tui.domain.commands import EndSession, StartSession, Tell
from gastown_tui.domain.config import Limits, RigConfig
from gastown_tui.domain.plan import plan
from gastown_tui.domain.standstill import apart, jump, late_since, told
from gastown_tui.domain.town import Agent, AgentFact, Now, Rig, RunFact, Town

NUX = "r/polecats/nux"
LIMITS = Limits()


def town(now, since, state, seen):
    """One agent at work, who was last heard of at `seen`."""
    agent = Agent(
        address=NUX, record="hq-1", rig="r", name="nux", run="r1", sandbox_for="r-1", branch="b"
    )
    bead = Bead(id="r-1", title="t", status="hooked", assignee=NUX, labels=("town:t",))
    return Town(
        id="t", since=late_since(now, *since), limits=LIMITS, agents={NUX: agent},
        rigs={"r": Rig(config=RigConfig(name="r", prefix="r", upstream="u"))},
        beads={"r-1": bead}, rig_of={"r-1": "r"},
        runs={"r1": RunFact(run="r1", name=NUX, kind="agent", alive=True, started=seen)},
        facts={NUX: AgentFact(state=state, since=seen, last_output=seen)},
    )  # fmt: skip


def rash(now, *rest):
    found = plan(town(now, *rest), now)
    return [one for one in found if isinstance(one, EndSession | StartSession | Tell)]


@given(
    moved=st.floats(-1e7, 1e7), quiet=st.floats(0, 50), after=st.floats(0, 9),
    state=st.sampled_from(["idle", "working", "stalled"]),
)  # fmt: skip
def test_after_any_jump_nothing_is_done_at_once_and_what_is_due_is_done_later(
    moved, quiet, after, state
):
    before = Now(wall=1e9, awake=5000.0)
    seen = before.wall - quiet
    then = Now(wall=before.wall + after + moved, awake=before.awake + after)
    found = jump(apart(before), then)
    assert (found == 0) is (abs(moved) <= 30)
    if not found:
        return
    since = (before.wall - 9000, then.wall)  # when the town came up; the jump, as noticed
    assert rash(then, since, state, seen) == []
    late = Now(wall=then.wall + LIMITS.hung_s + 1, awake=then.awake + LIMITS.hung_s + 1)
    assert rash(late, since, state, seen) != [], "a clock set back holds nobody up for long"


def test_small_steps_are_no_jump_and_the_first_look_has_none():
    now = Now(wall=100.0, awake=1.0)
    assert jump(None, now) == 0
    assert jump(apart(now) - 29, now) == 0


def test_what_is_told_says_how_long():
    assert "for 20 min" in told(1200.0)
    assert "set back by 60 min" in told(-3600.0)
    assert "for 8 h" in told(8 * 3600.0)
    assert "for 45 s" not in told(20.0)
