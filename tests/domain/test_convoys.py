"""Convoys on their way: fed, landed, stranded."""

from __future__ import annotations

from typing import Any

import pytest

from gastown_tui.domain.bead import Bead, Dependency
from gastown_tui.domain.commands import CloseConvoy, Escalate, FeedConvoy
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.convoys import closing, feeding, standing
from gastown_tui.domain.town import Agent, Convoy, Now, Request, Rig, Town
from gastown_tui.domain.view import View, view

WHO = "gt/polecats/nux"


def bead(name: str, *labels: str, needs: str = "", **fields: Any) -> Bead:
    edges = (Dependency(issue_id=name, depends_on_id=needs),) if needs else ()
    return Bead(id=name, labels=labels, dependencies=edges, **fields)


def seen(
    *beads: Bead, ready: tuple[str, ...] = (), rejected: str = "", **convoy: Any
) -> tuple[View, Convoy]:
    tracked = convoy.pop("tracked", tuple(one.id for one in beads))
    made = Convoy(id="hq-cv", title="All", tracked=tracked, **convoy)
    requests = {}
    if rejected:
        request = Request(id="r", rig="gt", bead=rejected, agent=WHO, state="rejected")
        requests = {"r": request}
    town = Town(
        id="t",
        rigs={"gt": Rig(config=RigConfig(name="gt", prefix="gt", upstream="/x"))},
        beads={one.id: one for one in beads},
        rig_of={one.id: "gt" for one in beads},
        ready=frozenset(ready),
        agents={WHO: Agent(address=WHO, record="hq-1", rig="gt")},
        requests=requests,
        convoys={"hq-cv": made},
    )
    return view(town, Now(wall=100.0, awake=100.0)), made


def test_it_closes_when_every_bead_is_closed_unless_it_is_owned() -> None:
    assert [type(one) for one in closing(seen(tracked=("gt-1",))[0])] == [CloseConvoy]
    assert not list(closing(seen(tracked=("gt-1",), owned=True)[0]))
    assert not list(closing(seen(tracked=("zz-1",))[0]))
    assert not list(closing(seen(tracked=())[0]))


def test_what_becomes_ready_in_a_launched_one_is_slung() -> None:
    beads = (bead("gt-1"), bead("gt-2", "town:t", "sling:any"), bead("gt-3", "town:other"))
    ready = ("gt-1", "gt-2", "gt-3")
    (command,) = feeding(seen(*beads, ready=ready, launched=True)[0])
    assert isinstance(command, FeedConvoy)
    assert command.beads == ("gt-1",)
    assert not list(feeding(seen(*beads, ready=ready)[0]))
    assert not list(feeding(seen(*beads, ready=ready, launched=True, staged="ready")[0]))


@pytest.mark.parametrize(
    ("beads", "more", "state", "why"),
    [
        ([bead("gt-1")], {"ready": ("gt-1",)}, "open", ""),
        ([bead("gt-1")], {"staged": "ready"}, "staged", ""),
        ([bead("gt-1", status="hooked")], {"launched": True}, "working", ""),
        ([bead("gt-1", "town:t", "sling:any")], {"ready": ("gt-1",)}, "waiting", ""),
        ([bead("gt-1", status="deferred")], {"launched": True}, "stranded", "gt-1 is deferred"),
        ([bead("gt-1", status="hooked")], {"launched": True, "rejected": "gt-1"}, "stranded",
         "gt-1 was rejected"),
        ([bead("gt-1", needs="gt-2"), bead("gt-2", issue_type="decision")], {"launched": True},
         "stranded", "gt-1 waits for gt-2"),
    ],
)  # fmt: skip
def test_how_it_stands(beads: list[Bead], more: dict[str, Any], state: str, why: str) -> None:
    found = standing(*seen(*beads, **more))
    assert (found.state, found.why) == (state, why)


def test_a_stranded_one_calls_the_overseer_with_the_reason() -> None:
    (command,) = feeding(seen(bead("gt-1", status="deferred"), launched=True)[0])
    assert isinstance(command, Escalate)
    assert command.why == "All is stranded: gt-1 is deferred"
