"""Convoys before they start: waves, errors, warnings."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.bead import Bead, Dependency
from gastown_tui.domain.staging import Ground, Staged, stage


def bead(name: str, *needs: str, parent: str = "", **fields: object) -> Bead:
    edges = [Dependency(issue_id=name, depends_on_id=one) for one in needs]
    if parent:
        edges.append(Dependency(issue_id=name, depends_on_id=parent, type="parent-child"))
    return Bead(id=name, title=name, dependencies=tuple(edges), **fields)  # type: ignore[arg-type]


def staged(
    beads: list[Bead], wanted: list[str] | None = None, *, homeless: tuple[str, ...] = (), room: int = 9,
    held: dict[str, str] | None = None,
) -> Staged:  # fmt: skip
    ground = Ground(
        beads={one.id: one for one in beads},
        rig_of={one.id: one.id.split("-")[0] for one in beads if one.id not in homeless},
        held=held or {},
        room=room,
    )
    return stage(wanted if wanted is not None else [one.id for one in beads], ground)


def kinds(found: Staged) -> set[str]:
    return {f"{one.level}:{one.kind}" for one in found.findings}


def test_a_diamond_has_three_waves_in_order_of_importance() -> None:
    found = staged(
        [bead("a-1"), bead("a-2", "a-1"), bead("a-3", "a-1", priority=0), bead("a-4", "a-2", "a-3")]
    )
    assert found.waves == (("a-1",), ("a-3", "a-2"), ("a-4",))
    assert found.findings == ()


def test_an_epic_stands_for_all_that_is_under_it() -> None:
    beads = [
        bead("a-e", issue_type="epic"),
        bead("a-e.1", parent="a-e"),
        bead("a-f", parent="a-e", issue_type="epic"),
        bead("a-f.1", parent="a-f"),
    ]
    found = staged(beads, ["a-e"])
    assert found.beads == ("a-e", "a-e.1", "a-f", "a-f.1")
    assert found.waves == (("a-e.1", "a-f.1"),)


def test_what_blocks_an_epic_blocks_what_is_under_it() -> None:
    beads = [bead("a-1"), bead("a-e", "a-1", issue_type="epic"), bead("a-2", parent="a-e")]
    assert staged(beads).waves == (("a-1",), ("a-2",))


def test_each_cycle_is_named_once_and_nothing_behind_it_has_a_wave() -> None:
    found = staged([bead("a-2", "a-3"), bead("a-3", "a-2"), bead("a-4", "a-3"), bead("a-5")])
    assert found.waves == (("a-5",),)
    assert [one.text for one in found.errors] == [
        "they wait for each other: a-2 needs a-3 needs a-2"
    ]


def test_what_is_closed_is_done_and_holds_nobody() -> None:
    found = staged([bead("a-1", status="closed"), bead("a-2", "a-1")])
    assert (found.done, found.waves) == (("a-1",), (("a-2",),))


def test_a_decision_holds_back_without_a_wave_of_its_own() -> None:
    found = staged([bead("a-1"), bead("a-d", "a-1", issue_type="decision"), bead("a-2", "a-d")])
    assert found.waves == (("a-1",), ("a-2",))
    assert kinds(found) == {"warning:gate"}


def test_what_forbids_a_launch() -> None:
    assert kinds(staged([], [])) == {"error:empty"}
    assert kinds(staged([], ["a-9"])) == {"error:missing"}
    assert kinds(staged([bead("a-1")], homeless=("a-1",))) == {"error:no-rig"}


def test_what_is_to_be_known_before_a_launch() -> None:
    outside = [bead("a-1", "a-9"), bead("a-9")]
    assert kinds(staged(outside, ["a-1"])) == {"warning:outside"}
    assert kinds(staged([bead("a-1"), bead("b-1")])) == {"warning:cross-rig"}
    assert kinds(staged([bead("a-1")], held={"a": "its gates fail"})) == {"warning:rig-held"}
    assert kinds(staged([bead("a-1"), bead("a-2")], room=1)) == {"warning:capacity"}
    assert kinds(staged([bead("a-1", defer_until="2030-01-01T00:00:00Z")])) == {"warning:deferred"}
    family = [
        bead("a-e", issue_type="epic"),
        bead("a-1", parent="a-e"),
        bead("a-2", "a-1", parent="a-e"),
        bead("a-3", parent="a-e"),
    ]
    orphans = [one.beads for one in staged(family, ["a-e"]).warnings if one.kind == "orphan"]
    assert orphans == [("a-3",)]


_ids = st.integers(0, 11).map(lambda n: f"a-{n}")


@given(st.lists(st.tuples(_ids, _ids), max_size=30), st.sets(_ids), st.sets(_ids))
def test_waves_are_an_order_of_all_that_can_be_ordered(
    edges: list[tuple[str, str]], closed: set[str], epics: set[str]
) -> None:
    names = sorted({one for edge in edges for one in edge} | closed | epics)
    beads = [
        bead(
            name,
            *sorted({target for source, target in edges if source == name}),
            status="closed" if name in closed else "open",
            issue_type="decision" if name in epics else "task",
        )
        for name in names
    ]
    found = staged(beads, names)
    wave_of = {one: number for number, wave in enumerate(found.waves) for one in wave}
    assert sum(map(len, found.waves)) == len(wave_of)
    for source, target in edges:
        if source in wave_of and target in wave_of:
            assert wave_of[target] < wave_of[source]
    cyclic = {one for error in found.errors for one in error.beads}
    everything = set(names) - closed - epics
    left = everything - set(wave_of)
    assert bool(left) <= bool(found.errors)
    assert not cyclic & set(wave_of)
    assert found == staged(list(reversed(beads)), names)
