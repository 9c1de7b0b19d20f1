"""The pure parts of the demo agent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.demo.conflict import union
from gastown_tui.demo.effects import Question
from gastown_tui.demo.inline import Inline
from gastown_tui.demo.keys import Decoder, Key
from gastown_tui.demo.live import Busy, Scene, rows
from gastown_tui.demo.prompt import Dialog, Draft
from gastown_tui.demo.script import edited, parse_script
from gastown_tui.demo.text import clean, clip, paint, width, wrap
from gastown_tui.demo.transcript import Transcript
from gastown_tui.domain.errors import BadInput
from gastown_tui.terminal import Terminal

LINES = st.lists(st.sampled_from(["a\n", "b\n", "\n", "def f():\n", "    return 1\n"]), max_size=5)
TEXT = st.text(max_size=120)


@settings(deadline=None)
@given(TEXT, st.integers(2, 50))
def test_text_fits(text, columns):
    text = clean(text)
    assert clean(text) == text
    assert width(clip(text.replace("\n", ""), columns)) <= columns
    found = wrap(text, columns)
    assert all(width(row) <= columns for row in found)
    assert "".join("".join(found).split()) == "".join(text.split())


@settings(deadline=None)
@given(st.lists(TEXT, max_size=5), st.integers(9, 60), st.integers(4, 20))
def test_no_row_is_wrapped_by_the_terminal(texts, columns, height):
    """The live rows stand where the painter thinks, whatever was said above them."""
    screen = Terminal(columns, height)
    inline = Inline(lambda text: screen.feed(text.encode()), columns, height)
    log, draft = Transcript(), Draft()
    for beat, text in enumerate(["", *texts]):
        log.say(text)
        log.user(text)
        log.diff("", text)
        draft.press(Key("paste", text))
        busy = Busy(beat, "Pondering", 61, 12345, text.replace("\n", " "))
        scene = Scene(
            draft, (text, text), f"footer {clean(text)}".replace("\n", ""), "", busy, None
        )
        live, cursor = rows(scene, columns)
        assert all(sum(width(part) for part, _ in line) <= columns for line in live)
        above = [paint(line) for line in log.take(columns)]
        inline.paint(above, [paint(line) for line in live], cursor)
    shown = screen.text().splitlines()
    expected = ["".join(part for part, _ in line).rstrip() for line in live][-height:]
    assert shown[-len(expected) :] == expected


@settings(deadline=None)
@given(st.binary(max_size=60), st.data())
def test_keys_do_not_depend_on_the_chunks(data, draw):
    whole = Decoder()
    keys = whole.feed(data)
    parts, split = Decoder(), []
    rest = data
    while rest:
        size = draw.draw(st.integers(1, len(rest)))
        split += parts.feed(rest[:size])
        rest = rest[size:]

    def joined(found):
        return "".join(key.text if key.name == "text" else f"<{key.name}>" for key in found)

    assert joined(split) == joined(keys)


def test_keys():
    decoder = Decoder()
    assert decoder.feed(b"\x1b[200~one\rtwo\x1b[2") == []
    assert not decoder.pending
    assert decoder.feed(b"01~\r") == [Key("paste", "one\ntwo"), Key("enter")]
    assert decoder.feed("ä\x1b[A\x1bOB\x03".encode()) == [
        Key("text", "ä"),
        Key("up"),
        Key("down"),
        Key("ctrl+c"),
    ]
    assert decoder.feed(b"\x1b") == []
    assert decoder.pending
    assert decoder.flush() == [Key("escape")]
    assert decoder.feed(b"\xff\xfe!") == [Key("text", "!")]


def test_a_draft_is_edited():
    draft = Draft()
    for key in (
        Key("paste", "one two\nthree"),
        Key("ctrl+w"),
        Key("text", "drei"),
        Key("home"),
        Key("delete"),
        Key("ctrl+k"),
        Key("backspace"),
        Key("left"),
        Key("ctrl+u"),
    ):
        draft.press(key)
    assert draft.text == "o"
    draft.press(Key("text", "数" * 10))
    lines, cursor = draft.rows(9)
    assert [line[1][0] for line in lines] == ["数数数", "数数数", "数数数", "数o"]
    assert cursor == (3, 4)


def test_a_dialog_chooses_what_is_highlighted():
    dialog = Dialog(Question("Bash command", "python -m unittest", "May I?"))
    assert dialog.press(Key("up")) is None
    assert any("❯ 3. No" in line[0][0] for line in dialog.rows(80)[0])
    assert dialog.press(Key("enter")) == 2
    assert dialog.press(Key("text", "2")) == 1
    assert dialog.press(Key("text", "x")) is None
    assert dialog.press(Key("escape")) == 2


@settings(deadline=None)
@given(LINES, LINES)
def test_a_union_has_both_sides_in_order(ours, theirs):
    text = "".join(
        ["top\n", "<<<<<<< main\n", *ours, "||||||| base\n", "=======\n", *theirs, ">>>>>>> x\n"]
    )
    expected = ours if ours == theirs else ours + theirs
    assert union(text + "end\n") == "".join(["top\n", *expected, "end\n"])


def test_a_union_of_changed_lines():
    text = "<<<<<<< a\none\ntwo!\n||||||| b\none\ntwo\n=======\none\nthree\ntwo\n>>>>>>> c\n"
    assert union(text) == "one\ntwo!\nthree\n"
    for broken in ("plain\n", "<<<<<<< a\none\n", "<<<<<<< a\n>>>>>>> b\n"):
        with pytest.raises(BadInput):
            union(broken)


@pytest.mark.parametrize(
    "steps",
    [
        'edit = "a.py"\nappend = "x = 1\\n"',
        'edit = "a.py"\nafter = "def f():"\ninsert = "    x = 1\\n"',
        'edit = "a.py"\nbefore = "def f():"\ninsert = "x = 1\\n"',
        'edit = "a.py"\nfind = "pass"\nreplace = "return 1"',
        'edit = "a.py"\ncreate = "x = 1\\n"',
    ],
)
def test_an_edit_is_made_once(steps):
    (step,) = parse_script(f"Text\n```demo\n[[step]]\n{steps}\n```\n").steps
    once = edited("def f():\n    pass\n", step)
    assert once != "def f():\n    pass\n"
    assert edited(once, step) == once
    assert edited(once + "\n\ndef g():\n    pass\n", step).endswith("def g():\n    pass\n")


@pytest.mark.parametrize(
    "steps",
    [
        'edit = "/etc/passwd"\nappend = "x"',
        'edit = "a/../../b"\nappend = "x"',
        'read = ".git/config"',
        'edit = "a.py"\nfind = "x"',
        'edit = "a.py"',
        "think = -1",
        "commit = 3",
        'dance = "tango"',
    ],
)
def test_bad_scripts_are_refused(steps):
    with pytest.raises(BadInput):
        parse_script(f"```demo\n[[step]]\n{steps}\n```\n")


def test_no_script():
    assert parse_script("Just text, and `code`.") is None
