"""Slots of worktrees: never two the same, and only free ports."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from gastown_tui.adapters import ports


@pytest.fixture
def take(tmp_path):
    env = {"XDG_STATE_HOME": str(tmp_path / "state")}

    def take(name, town="town"):
        path = tmp_path / name
        path.mkdir(parents=True, exist_ok=True)
        return ports.take_slot(path, env, tmp_path / town)

    take.env, take.root = env, tmp_path
    return take


def test_no_two_worktrees_have_the_same_and_each_keeps_its_own(take):
    names = [f"rig/polecats/p{number}" for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(take, names))
    assert len({one.port_base for one in found}) == len({one.number for one in found}) == 12
    assert [take(name) for name in names] == found
    assert take("other/polecats/p0", "other town") not in found


def test_ports_that_somebody_listens_on_are_not_given(take):
    first = take("a").port_base
    (take.root / "a").rmdir()
    with socket.create_server(("127.0.0.1", first + 37)):
        assert take("b").port_base != first
    assert take("c").port_base == first


def test_what_is_gone_gives_its_slot_back_and_an_empty_list_goes(take):
    one = take("rig/polecats/p")
    take("rig2/polecats/p")
    ports.drop_slots(take.root / "rig", take.env, take.root / "town")
    assert take("new") == one
    (take.root / "new").rmdir()
    ports.drop_slots(take.root / "rig2", take.env, take.root / "town")
    assert list((take.root / "state" / "gastown").iterdir()) == []


def test_a_damaged_list_is_begun_anew_and_none_is_needed_in_a_home(take):
    take("a")
    (take.root / "state" / "gastown" / "ports.json").write_text("{")
    assert take("a").number >= 1
    path = take.root / "a"
    assert ports.take_slot(path, {}, take.root / "town").port_base >= ports.FIRST
    assert (take.root / "town" / ".gastown" / "ports.json").exists()
