"""One terminal: text, rows, damage, signals, input, snapshots."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui import cells
from gastown_tui.cells import Row
from gastown_tui.domain.errors import BadInput, Damaged
from gastown_tui.terminal import Damage, Mouse, Safety, Terminal

RECORDING = Path(__file__).parents[3] / "shared/recordings/claude-code-2.1.197-120x40.cast"

NUMBERS = st.sampled_from([b"", b"1", b"2", b"5", b"20", b"9999"])
ACTIONS = st.one_of(
    st.sampled_from([b"\r\n", b"\r", b"\x1b[2J", b"\x1b[J", b"\x1b[K", b"\x1b[1K", b"\x1bM", b"\x1b[m",
                     b"\x1b[1;4:3;38;5;9m", b"\x1b[48;2;1;2;3m", b"\x1b[7m", b"\x1b[?1049h", b"\x1b[?1049l",
                     b"\x1b[3;8r", b"\x1b[r", b"\x1bc", b"\x1b[?7l", b"\x1b[?7h", b"\x1b[4h", b"\x1b[4l",
                     b"\x1b[?6h", b"\x1b[?5h", b"\x1b7", b"\x1b8", b"\x1b#8", b"\x1b[?25l", b"\x1b[5 q",
                     b"\x1b[?2026h", b"\x1b[?2026l"]),
    st.tuples(NUMBERS, st.sampled_from("ABCDGHLMPSTX@bdJK")).map(lambda p: b"\x1b[" + p[0] + p[1].encode()),
    st.tuples(NUMBERS, NUMBERS).map(lambda p: b"\x1b[%b;%bH" % p),
    st.text(st.sampled_from("abc  中文é\u0301👩\u200d💻🏽─"), max_size=30).map(str.encode),
    st.binary(max_size=6),
)  # fmt: skip
STREAMS = st.lists(ACTIONS, max_size=25).map(b"".join)
SIZES = st.tuples(st.integers(1, 40), st.integers(1, 12))


def rows(terminal: Terminal) -> list[Row]:
    return [terminal.row(y) for y in range(terminal.rows)]


def everything(terminal: Terminal) -> tuple[object, ...]:
    signals = (
        terminal.title,
        terminal.bells,
        terminal.progress,
        terminal.cursor,
        terminal.contents(),
    )
    modes = (
        terminal.alt_screen,
        terminal.bracketed_paste,
        terminal.mouse_tracking,
        terminal.focus_events,
    )
    return rows(terminal), signals, modes, terminal.history(0, 100)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal(20, 5)


def test_rows_are_runs_of_cells(terminal: Terminal) -> None:
    red = cells.pack(cells.palette(1), attributes=cells.BOLD)
    blue = cells.pack(background=cells.palette(4))
    terminal.feed("ab\x1b[1;31mcd\x1b[m  \r\n\x1b[44m\x1b[K\x1b[m中文e\u0301x\r\n\x1b[7mi".encode())
    assert terminal.row(0) == (("ab", 0, 2), ("cd", red, 2))
    assert terminal.row(1) == (("中文e\u0301x", 0, 6), (" " * 14, blue, 14))
    assert terminal.row(2) == (("i", cells.INVERSE, 1),)
    assert terminal.row(3) == ()
    assert terminal.text() == "abcd\n中文e\u0301x\ni"
    with pytest.raises(BadInput):
        terminal.row(5)


def test_every_style(terminal: Terminal) -> None:
    wanted = {
        1: cells.BOLD, 2: cells.FAINT, 3: cells.ITALIC, 5: cells.BLINK, 7: cells.INVERSE,
        8: cells.INVISIBLE, 9: cells.STRIKE, 53: cells.OVERLINE,
    }  # fmt: skip
    for code, style in wanted.items():
        terminal.feed(b"\x1b[H\x1b[0;%dmx" % code)
        assert terminal.row(0)[0][1] == style
    for kind in range(6):
        terminal.feed(b"\x1b[H\x1b[0;4:%dmx" % kind)
        assert cells.underline(terminal.row(0)[0][1]) == kind
    terminal.feed(b"\x1b[H\x1b[0;38;2;1;2;3;48;5;200mx")
    assert terminal.row(0)[0][1] == cells.pack(cells.rgb(1, 2, 3), cells.palette(200))


def test_signals(terminal: Terminal) -> None:
    terminal.feed(
        b"\x1b]0;work\x07\a\a\x1b]9;4;1;30\x07\x1b]9;done\x07\x1b[?1049h\x1b[?2004;1004;1000;1h\x1b[6 q"
    )
    assert (terminal.title, terminal.bells, terminal.progress) == ("work", 2, 30)
    assert terminal.take_notices() == ["done"]
    assert terminal.take_notices() == []
    assert terminal.alt_screen
    assert terminal.bracketed_paste
    assert terminal.focus_events
    assert terminal.mouse_tracking
    assert terminal.application_cursor
    assert (terminal.cursor.shape, terminal.cursor.blinking) == ("bar", False)


def test_history(terminal: Terminal) -> None:
    terminal.feed(b"".join(b"line %d\r\n" % n for n in range(30)))
    assert terminal.history_rows == 26
    assert [cells.row_text(row) for row in terminal.history(0, 99)] == [
        f"line {n}" for n in range(26)
    ]
    assert [cells.row_text(row) for row in terminal.history(24, 1)] == ["line 24"]
    assert terminal.text() == "line 26\nline 27\nline 28\nline 29"
    assert terminal.contents().startswith("line 0\nline 1\n")


def test_replies_carry_nothing_that_the_program_chose(terminal: Terminal) -> None:
    terminal.feed(b"\x1b[c\x1b[6n\x1b[?2027$p\x1b]11;?\x07")
    assert (
        terminal.take_replies()
        == b"\x1b[?62;22c\x1b[1;1R\x1b[?2027;4$y\x1b]11;rgb:0000/0000/0000\x1b\\"
    )
    terminal.feed(
        b"\x1b]0;rm -rf\x07\x1b[21t\x1b]52;c;?\x07\x05\x1b_Gi=1,a=q,s=1,v=1;AAAA\x1b\\\x1bP+q726d\x1b\\"
    )
    assert b"rm" not in terminal.take_replies()
    terminal.feed(b"\x1b[c" * 100_000)
    assert len(terminal.take_replies()) <= 65_536


@pytest.mark.parametrize(
    ("modes", "key", "text", "held", "wanted"),
    [
        (b"", "a", "a", {}, b"a"), (b"", "A", "A", {"shift": True}, b"A"), (b"", "enter", "\r", {}, b"\r"),
        (b"", "up", "", {}, b"\x1b[A"), (b"\x1b[?1h", "up", "", {}, b"\x1bOA"), (b"", "c", "", {"ctrl": True}, b"\x03"),
        (b"", "ctrl+c", "\x03", {}, b"\x03"), (b"", "x", "x", {"alt": True}, b"\x1bx"), (b"", "f5", "", {}, b"\x1b[15~"),
        (b"", "tab", "\t", {}, b"\t"), (b"", "shift+tab", "", {}, b"\x1b[Z"), (b"", "escape", "", {}, b"\x1b"),
        (b"", "backspace", "\x7f", {}, b"\x7f"), (b"", "delete", "", {}, b"\x1b[3~"), (b"", "home", "", {}, b"\x1b[H"),
        (b"", "pageup", "", {}, b"\x1b[5~"), (b"", "space", " ", {}, b" "), (b"", "ctrl+space", "", {}, b"\x00"),
        (b"", "full_stop", ".", {}, b"."), (b"", "question_mark", "?", {}, b"?"), (b"", "é", "é", {}, "é".encode()),
        (b"", "unknown_key", "", {}, b""), (b"", "", "中文", {}, "中文".encode()), (b"", "up", "", {"ctrl": True}, b"\x1b[1;5A"),
        (b"\x1b[>1u", "c", "", {"ctrl": True}, b"\x1b[99;5u"), (b"\x1b[>1u", "enter", "", {"shift": True}, b"\x1b[13;2u"),
        (b"\x1b[>1u", "escape", "", {}, b"\x1b[27u"), (b"", "plus", "+", {}, b"+"), (b"", "+", "+", {}, b"+"),
    ],
)  # fmt: skip
def test_keys(
    modes: bytes, key: str, text: str, held: dict[str, bool], wanted: bytes, terminal: Terminal
) -> None:
    terminal.feed(modes)
    assert terminal.encode_key(key, text, **held) == wanted


def test_paste_holds_no_keys(terminal: Terminal) -> None:
    text = "a\r\nb\rc\n\t\x1b[201~\x03\x1b\x9bd\x7f"
    assert terminal.encode_paste(text) == b"a\rb\rc\r\td"
    terminal.feed(b"\x1b[?2004h")
    assert terminal.encode_paste(text) == b"\x1b[200~a\nb\nc\n\td\x1b[201~"
    sneaky = terminal.encode_paste("\x1b[2\x1b[201~01~")
    assert sneaky.count(b"\x1b") == 2


def test_mouse_and_focus(terminal: Terminal) -> None:
    press = Mouse(kind="press", x=3, y=2, button=1)
    assert terminal.encode_mouse(press) == b""
    assert terminal.encode_focus(True) == b""
    terminal.feed(b"\x1b[?1002;1006;1004h")
    assert terminal.encode_mouse(press) == b"\x1b[<0;4;3M"
    assert terminal.encode_mouse(Mouse(kind="motion", x=4, y=2, button=1)) == b"\x1b[<32;5;3M"
    assert terminal.encode_mouse(Mouse(kind="release", x=4, y=2, button=1)) == b"\x1b[<0;5;3m"
    assert terminal.encode_mouse(Mouse(kind="wheel_down", x=0, y=0, ctrl=True)) == b"\x1b[<81;1;1M"
    assert terminal.encode_focus(True) == b"\x1b[I"
    assert terminal.encode_focus(False) == b"\x1b[O"


def test_sizes_are_checked(terminal: Terminal) -> None:
    for cols, height in ((0, 5), (5, 0), (2001, 5), (5, 2001)):
        with pytest.raises(BadInput):
            terminal.resize(cols, height)
    terminal.resize(1, 1)
    assert (terminal.cols, terminal.rows) == (2, 1)


def test_resize_wraps_anew(terminal: Terminal) -> None:
    terminal.feed(b"abcdefghijklmnopqrst")
    terminal.resize(10, 5)
    assert terminal.text() == "abcdefghij\nklmnopqrst"
    terminal.resize(20, 5)
    assert terminal.text() == "abcdefghijklmnopqrst"


def test_half_a_character_does_not_stop_a_snapshot() -> None:
    terminal = Terminal(20, 5)
    terminal.feed("\x1b[?1049h中中中中中\x1b[31m".encode())
    terminal.resize(9, 5)
    assert terminal.text() == "中中中中"
    assert rows(Terminal.restore(terminal.snapshot())) == rows(terminal)
    terminal.feed("中中中\x1b[?1049lx".encode())
    terminal.resize(8, 5)
    assert rows(Terminal.restore(terminal.snapshot())) == rows(terminal)
    terminal.feed("中中中中中\x1b[?7l".encode())
    terminal.resize(3, 2)
    assert rows(Terminal.restore(terminal.snapshot())) == rows(terminal)


def test_a_bad_snapshot_is_refused() -> None:
    good = Terminal(20, 5).snapshot()
    for data in (
        b"",
        b"nonsense",
        good[:-1],
        good[: len(good) // 2],
        good.replace(b"GHOST", b"BOAST"),
    ):
        with pytest.raises(Damaged):
            Terminal.restore(data)


def test_restoring_at_another_level() -> None:
    terminal = Terminal(20, 5)
    terminal.feed(b"a\x1b[3")
    restored = Terminal.restore(terminal.snapshot(), safety=Safety.PLAIN)
    restored.feed(b"1mb\x1b[5;5Hc")
    assert restored.row(0) == (("abc", 0, 3),)


@given(STREAMS, st.lists(st.integers(0, 400), max_size=6))
@settings(max_examples=150, deadline=None)
def test_how_the_bytes_are_cut_never_matters(data: bytes, cuts: list[int]) -> None:
    one, two = Terminal(20, 6), Terminal(20, 6)
    one.feed(data)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in pairwise(edges):
        two.feed(data[start:end])
    assert everything(one) == everything(two)


@given(STREAMS, STREAMS)
@settings(max_examples=150, deadline=None)
def test_a_restored_terminal_goes_on_exactly(before: bytes, after: bytes) -> None:
    terminal = Terminal(20, 6)
    terminal.feed(before)
    restored = Terminal.restore(terminal.snapshot())
    assert everything(restored) == everything(terminal)
    terminal.feed(after)
    restored.feed(after)
    assert everything(restored) == everything(terminal)
    assert restored.take_replies() == terminal.take_replies()


@given(st.lists(st.one_of(STREAMS, SIZES, st.just("look")), max_size=12))
@settings(max_examples=200, deadline=None)
def test_damage_keeps_a_copy_exact(steps: list[bytes | tuple[int, int] | str]) -> None:
    terminal = Terminal(20, 6)
    copy: dict[int, Row] = {}
    for step in [*steps, "look"]:
        if isinstance(step, bytes):
            terminal.feed(step)
        elif isinstance(step, tuple):
            terminal.resize(*step)
        elif len(steps) % 2:
            terminal.row(0)  # a look at a row takes no damage away
            terminal.history(0, 3)
        damage: Damage = terminal.damage()
        if damage.full:
            copy.clear()
        copy.update(damage.rows)
        assert [copy[y] for y in range(terminal.rows)] == rows(terminal)
        assert damage.cursor == terminal.cursor
    assert terminal.damage().rows == {}


needs_recording = pytest.mark.skipif(not RECORDING.exists(), reason="the recording is not here")


def recorded() -> bytes:
    lines = RECORDING.read_text().splitlines()[1:]
    return "".join(text for _, kind, text in map(json.loads, lines) if kind == "o").encode()


@needs_recording
def test_a_recorded_agent_byte_by_byte() -> None:
    data = recorded()
    whole, single = Terminal(120, 40), Terminal(120, 40)
    whole.feed(data)
    for place in range(len(data)):
        single.feed(data[place : place + 1])
    assert everything(whole) == everything(single)
    assert "Claude" in whole.contents()


@needs_recording
def test_a_recorded_agent_survives_being_moved_anywhere() -> None:
    data = recorded()
    whole, moved = Terminal(120, 40), Terminal(120, 40)
    step = 97
    for start in range(0, len(data), step):
        whole.feed(data[start : start + step])
        moved.feed(data[start : start + step])
        moved, old = Terminal.restore(moved.snapshot()), moved
        old.close()
        if start % 20 == 0:
            assert rows(moved) == rows(whole)
    assert everything(moved) == everything(whole)
