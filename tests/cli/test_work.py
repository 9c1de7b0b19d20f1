"""Verbs of work: ids in part, agents' names, and what is handed in."""

import pytest


def test_a_part_of_an_id_is_enough_when_it_is_one_beads(quiet_town, ok, refused):
    bead = ok("bead", "create", "x", "--rig", "lib")
    assert bead in ok("sling", bead[:-1])
    other = ok("bead", "create", "y", "--rig", "lib")
    assert ok("convoy", "create", "both", bead, other[:-1])
    assert "no rig has beads like" in refused("sling", "zz-1")
    assert "is no id" in refused("sling", "li-../x")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("../x", "is not an agent"),
        ("A b", "cannot name an agent"),
        ("-x", "cannot name an agent"),
        ("lib/polecats/../../x", "is not an agent"),
        ("two/polecats/nux", "does not work in lib"),
    ],
)
def test_agents_are_named_by_their_rules(quiet_town, ok, refused, agent, words):
    bead = ok("bead", "create", "x", "--rig", "lib")
    assert words in refused("sling", bead, "--agent", agent)


def test_verbs_of_agents_are_refused_elsewhere(quiet_town, refused, monkeypatch):
    for verb in ("done", "hook", "prime"):
        assert "for agents" in refused(verb)
    monkeypatch.setenv("GASTOWN_RIG", "lib")
    monkeypatch.setenv("GASTOWN_AGENT", "../../../etc")
    assert "is not an agent" in refused("done")
    monkeypatch.setenv("GASTOWN_AGENT", "lib/polecats/nux")
    assert "nothing on your hook" in refused("done")
