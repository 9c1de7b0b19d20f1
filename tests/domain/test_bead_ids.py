from __future__ import annotations

import pytest

from gastown_tui.domain import ids, names
from gastown_tui.domain.errors import BadInput


def test_hashes_are_those_of_bd():
    seed = ids.Seed(
        title="Fix login", description="Details", creator="jira-import", created=1704164645006000000
    )
    found = [ids.hash_part(seed, length, 0) for length in range(3, 9)]
    assert found == ["vju", "8d8e", "bi3tk", "8bi3tk", "r5sr6bm", "8r5sr6bm"]
    assert next(iter(ids.candidates("bd", seed, 0))) == "bd-vju"
    assert len(set(ids.candidates("bd", seed, 0))) == 60


@pytest.mark.parametrize(
    ("count", "length"), [(0, 3), (160, 3), (170, 4), (980, 4), (1000, 5), (5900, 6), (40_000, 7)]
)
def test_ids_grow_with_their_number(count, length):
    assert ids.length_for(count) == length


@pytest.mark.parametrize(
    ("bead", "known", "prefix"),
    [
        ("bd-a1b2", (), "bd"),
        ("bd-123", (), "bd"),
        ("my-app-a1b2.3", (), "my-app"),
        ("my-app-abc", (), "my-app"),
        ("gt-gastown-witness", (), "gt"),
        ("my-app-web-x1y2", ("my", "my-app"), "my-app"),
        ("plain", (), ""),
    ],
)
def test_prefixes(bead, known, prefix):
    assert ids.prefix_of(bead, known) == prefix


def test_children():
    assert (ids.parent_of("a-1.2.3"), ids.parent_of("a-1.x"), ids.depth("a-1.2.3")) == (
        "a-1.2",
        "",
        2,
    )
    assert (ids.child_number("a-1", "a-1.7"), ids.child_number("a-1", "a-1.7.1")) == (7, 0)
    assert sorted(["a-10", "a-9", "a-9.10", "a-9.2"], key=ids.natural_key) == [
        "a-9",
        "a-9.2",
        "a-9.10",
        "a-10",
    ]


@pytest.mark.parametrize("text", ["", "-x", "--all", "a/b", "..", "a b", "a\n", "é", "a" * 256])
def test_what_cannot_be_an_id(text):
    assert not ids.is_id(text)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("x-abc", ["x-abc"]),
        ("abc", ["x-abc"]),
        ("abc.1", ["x-abc.1"]),
        ("ab", ["x-abc", "x-abd"]),
        ("x-ab", ["x-abc", "x-abd"]),
        ("abd", ["x-abd"]),
        ("q7", ["x-mol-q7z"]),
        ("mol-q7z", ["x-mol-q7z"]),
        ("7", ["x-7"]),
        ("cv-abz", []),
        ("x-cv-abz", ["x-cv-abz"]),
        ("abz", []),
        ("zzz", []),
        ("", []),
        ("x-", []),
    ],
)
def test_what_a_part_of_an_id_means(given, meant):
    """Work comes first; what the town runs by is meant by its whole id alone."""
    work = ["x-abc", "x-abc.1", "x-abc.2", "x-abd", "x-mol-q7z", "x-7", "x-70"]
    assert ids.meant(given, "x", work, ["x-cv-abz", "x-agent-ab"]) == meant


@pytest.mark.parametrize(
    "text",
    ["gt-a1b2c", "my-app-a1b2.3", "gt-wisp-a1", "GT-12", "a-b_c", "hq-lib-polecat-nux", "br-a.b"],
)
def test_ids_that_name_files_and_branches(text):
    assert ids.is_id(text)
    assert names.check_bead(text) == text


@pytest.mark.parametrize(
    "text", ["plain", "a-", "-a", "a-..b", "a-b.", "a-b.lock", "a-b/c", "a-b c", "a-" + "b" * 119]
)
def test_ids_that_cannot(text):
    with pytest.raises(BadInput):
        names.check_bead(text)
