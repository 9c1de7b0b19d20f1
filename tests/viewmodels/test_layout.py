"""Nothing overlaps, nothing sticks out, at any size."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.viewmodels.layout import DENSITIES, PANELS, View, assign_tiles, plan


def places(found):
    """All places, those of tiles with the gap that they paint themselves."""
    width = found.strip.width
    tiles = [
        each._replace(width=each.width + (each.x + each.width < width))
        for each in (*found.tiles, *found.cards)
    ]
    rest = [found.strip, found.hints, *(slot.place for slot in found.slots), *tiles]
    return [*rest, *([found.pane] if found.pane else [])]


@given(
    st.integers(20, 400),
    st.integers(6, 120),
    st.builds(
        View, agents=st.integers(0, 40), density=st.sampled_from(DENSITIES), zoom=st.booleans(),
        drawer=st.booleans(), pane=st.booleans(), problems=st.integers(0, 9),
    ),
)  # fmt: skip
def test_no_two_places_share_a_cell(width, height, view):
    found = places(plan(width, height, view))
    for place in found:
        assert place.x >= 0
        assert place.y >= 0
        assert place.x + place.width <= width
        assert place.y + place.height <= height
        assert place.width >= 0
    for one, other in itertools.combinations(found, 2):
        apart = (
            one.x + one.width <= other.x or other.x + other.width <= one.x
            or one.y + one.height <= other.y or other.y + other.height <= one.y
        )  # fmt: skip
        assert apart or not (one.width and other.width), (one, other)


@pytest.mark.parametrize("size", [(120, 40), (200, 55), (300, 90)])
def test_every_panel_is_reachable_and_the_pane_is_wide(size):
    found = plan(*size, View(agents=30))
    assert {panel for slot in found.slots for panel in slot.panels} == set(PANELS)
    assert found.pane.width >= 80
    if size[0] >= 200:
        assert found.pane.width >= 120


def test_thirty_agents_all_have_a_tile_on_a_wall_or_a_place_on_a_huge_screen():
    assert len(plan(250, 70, View(agents=30, density="tiles")).tiles) == 30
    huge = plan(300, 90, View(agents=30))
    assert 1 + len(huge.tiles) + len(huge.cards) == 30


def test_a_small_screen_opens_a_drawer_on_request():
    assert len(plan(80, 24, View()).slots) == 1
    assert len(plan(80, 24, View(drawer=True)).slots) == 2


def test_who_has_a_tile_keeps_it():
    assert assign_tiles(("a", "b"), ("b", "c", "a"), frozenset(), 2) == ("a", "b")
    assert assign_tiles(("a", "gone"), ("c", "a"), frozenset(), 2) == ("a", "c")


def test_urgent_ones_take_the_place_of_the_least_interesting():
    assert assign_tiles(("a", "b"), ("u", "a", "b"), frozenset("u"), 2) == ("a", "u")
    assert assign_tiles(("u", "v"), ("u", "v", "w"), frozenset("uvw"), 2) == ("u", "v")
