from __future__ import annotations

import pytest

from gastown_tui.domain import ids


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
