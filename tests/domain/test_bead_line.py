from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gastown_tui.domain.bead_line import Line, Style

blank = st.text(" \t", max_size=2)
value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)


@st.composite
def odd_lines(draw):
    """An object with free white space, mixed escapes and perhaps repeated keys."""
    members = []
    for _ in range(draw(st.integers(0, 6))):
        key = draw(st.sampled_from(["id", "title", "labels", "zz", "priority", "status", 'a"b']))
        text = json.dumps(draw(value), ensure_ascii=draw(st.booleans()))
        members.append(
            f"{draw(blank)}{json.dumps(key)}{draw(blank)}:{draw(blank)}{text}{draw(blank)}"
        )
    body = ",".join(members) or draw(blank)
    return f"{draw(blank)}{{{body}}}{draw(blank)}"


@given(odd_lines())
def test_without_edits_the_bytes_are_the_same(text):
    assert Line(text.encode()).encode() == text.encode()


@given(odd_lines(), st.sampled_from(["title", "labels", "zz", "description", "closed_at"]), value)
def test_an_edit_changes_its_key_alone(text, key, new):
    line = Line(text.encode())
    before = json.loads(text)
    line.set(key, new)
    assert json.loads(line.encode()) == {**before, key: new}
    line.remove(key)
    assert json.loads(line.encode()) == {k: v for k, v in before.items() if k != key}


@pytest.mark.parametrize(
    ("before", "key", "new", "after"),
    [
        ('{"id":"a","priority":1}', "status", "open", '{"id":"a","status":"open","priority":1}'),
        ('{"id": "a", "zz": 1}', "title", "t", '{"id": "a", "zz": 1, "title": "t"}'),
        ('{"id":"a","created_by":"x"}', "zz", 1, '{"id":"a","created_by":"x","zz":1}'),
        ('{"id":"a","updated_at":"u","created_by":"x"}', "closed_at", "c",
         '{"id":"a","updated_at":"u","created_by":"x","closed_at":"c"}'),
        ('{"labels":[],"id":"a"}', "title", "t", '{"title":"t","labels":[],"id":"a"}'),
        ('{}', "id", "a", '{"id":"a"}'),
        ('{"id":"a","title":"x"}', "title", "<&>\u2028", '{"id":"a","title":"\\u003c\\u0026\\u003e\\u2028"}'),
        ('{"id":"a","title":"<"}', "title", "<é>", '{"id":"a","title":"<é>"}'),
        ('{"id":"a","title":"\\u00e9 \\u4e2d"}', "title", "é", '{"id":"a","title":"\\u00e9"}'),
    ],
)  # fmt: skip
def test_new_text_follows_place_and_style_of_the_line(before, key, new, after):
    line = Line(before.encode(), Style())
    line.set(key, new)
    assert line.encode().decode() == after


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"a"}', '{"a":}', '{"a":1} x', '{"a":1,}', "{1:2}"]
)
def test_what_is_no_object_is_refused(text):
    with pytest.raises(ValueError, match=r"expected|not a JSON object|after the object|line 1"):
        Line(text.encode())
