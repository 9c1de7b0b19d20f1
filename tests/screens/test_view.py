"""Frames: whatever is lost, slow or re-cropped, a copy ends as the terminal's rows."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.screens_client import Copy
from gastown_tui.cells import BOLD
from gastown_tui.screens.crop import cut_row
from gastown_tui.screens.loop import NEVER
from gastown_tui.screens.screen import Screen
from gastown_tui.screens.view import WINDOW, View
from gastown_tui.terminal import Terminal

COLS, ROWS = 24, 8

outputs = st.lists(
    st.one_of(
        st.text("abc 界é", min_size=1, max_size=30).map(str.encode),
        st.sampled_from([b"\r\n", b"\x1b[2J", b"\x1b[H", b"\x1b[3;4Hx", b"\x1b[31mred", b"\x1b[K",
                         b"\x1bM", b"\n\n\n", b"\x1b[?25l", b"\x1b[?25h", b"\x1b[?1049h",
                         b"\x1b[?1049l", b"\x1b[2S", b"\x1b[L"]),
    ), max_size=6,
).map(b"".join)  # fmt: skip
sizes = st.tuples(st.integers(0, 30), st.integers(0, 10))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("feed"), outputs),
        st.tuples(st.just("frame"), st.booleans()),  # acknowledged at once
        st.tuples(st.just("crop"), sizes),
        st.tuples(st.just("resize"), st.integers(5, 30), st.integers(2, 12)),
    ),
    max_size=25,
)


def wanted(terminal, cols, height):
    """The picture that a viewer of this crop must have, from the terminal itself."""
    rows = [terminal.row(y) for y in range(terminal.rows)]
    cursor = terminal.cursor
    used = max([y + 1 for y, row in enumerate(rows) if any(r[0].strip() for r in row)] or [0])
    used = max(used, cursor.y + 1 if cursor.visible else 0)
    height = min(height or len(rows), len(rows))
    top = max(0, used - height)
    cols = min(cols or terminal.cols, terminal.cols)
    return [cut_row(row, cols) for row in rows[top : top + height]]


class Session:
    def __init__(self):
        self.terminal = Terminal(COLS, ROWS)
        self.screen, self.now = Screen(COLS, ROWS), 100.0
        self.crop = (0, 0)
        self.view, self.copy, self.owed = View(0, 0, 30), Copy(), []

    def refresh(self):
        self.screen.apply(self.terminal.damage(), self.terminal.cols, self.terminal.rows)

    def frame(self, acknowledged):
        self.refresh()
        self.now += 1
        if self.view.due(self.now) == NEVER:
            self.view.acknowledge(self.owed.pop(0))
        frame = self.view.frame("s", self.screen, 0, self.now)
        self.copy.apply(frame)
        self.owed.append(frame.number)
        if acknowledged:
            self.view.acknowledge(frame.number)
            self.owed.clear()

    def step(self, step):
        match step:
            case ("feed", data):
                self.terminal.feed(data)
            case ("frame", acknowledged):
                self.frame(acknowledged)
            case ("crop", size):
                self.crop = size
                self.view.reshape(*size, 30)
                self.owed.clear()
            case ("resize", cols, rows):
                self.terminal.resize(cols, rows)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_frames_make_the_picture(plan):
    """After any feeds, crops, resizes and missing acknowledgements the last frame is exact."""
    session = Session()
    for step in plan:
        session.step(step)
    session.frame(acknowledged=True)
    assert session.copy.rows == wanted(session.terminal, *session.crop)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(outputs, st.booleans()), min_size=1, max_size=12))
def test_a_frame_fits_every_picture_under_way(plan):
    """A viewer that skipped the frames since its acknowledgement ends like one that painted all."""
    terminal, screen = Terminal(COLS, ROWS), Screen(COLS, ROWS)
    view, every, some = View(0, 0, 30), Copy(), Copy()
    now = 0.0
    for data, skipped in plan:
        terminal.feed(data)
        screen.apply(terminal.damage(), COLS, ROWS)
        now += 1
        frame = view.frame("s", screen, 0, now)
        every.apply(frame)
        if not (skipped and frame.number > 1 and view.due(now) != NEVER):
            some.apply(frame)
            view.acknowledge(frame.number)
            assert some.rows == every.rows
    assert every.rows == wanted(terminal, 0, 0)


def test_rate_and_window():
    """A view is sent at once after a rest, then at its rate, and not at all without answers."""
    screen, view = Screen(COLS, ROWS), View(0, 0, 10)
    assert view.due(50.0) <= 50.0
    view.frame("s", screen, 0, 50.0)
    assert 50.0 < view.due(50.001) <= 50.1001
    view.hurry(50.01)
    assert view.due(50.01) <= 50.01
    for number in range(2, WINDOW + 1):
        view.frame("s", screen, 0, 51.0 + number)
    assert view.due(60.0) == NEVER
    view.acknowledge(99)
    assert view.due(60.0) == NEVER
    view.acknowledge(1)
    assert view.due(60.0) <= 60.0


def test_crop_is_anchored_at_the_bottom():
    """A mostly blank screen shows its content; a full one its last rows."""
    terminal, screen = Terminal(COLS, ROWS), Screen(COLS, ROWS)
    terminal.feed(b"one\r\ntwo")
    screen.apply(terminal.damage(), COLS, ROWS)
    frame = View(0, 3, 10).frame("s", screen, 0, 0.0)
    assert [frame.rows.get(y, ()) for y in range(3)] == [(("one", 0, 3),), (("two", 0, 3),), ()]
    assert (frame.height, frame.cursor_y) == (3, 1)
    terminal.feed(b"\r\n".join(b"%d" % n for n in range(20)) + b"\x1b[1A")
    screen.apply(terminal.damage(), COLS, ROWS)
    frame = View(0, 3, 10).frame("s", screen, 0, 0.0)
    assert [frame.rows[y][0][0].strip() for y in range(3)] == ["17", "18", "19"]
    assert frame.cursor_y == 1


def test_cut_rows():
    """A cut never splits a wide character, and keeps the width it says."""
    row = (("ab界c", BOLD, 5), ("de\u0301f", 0, 3))
    assert cut_row(row, 9) == row
    assert cut_row(row, 8) == row
    assert cut_row(row, 7) == (("ab界c", BOLD, 5), ("de\u0301", 0, 2))
    assert cut_row(row, 3) == (("ab ", BOLD, 3),)
    assert cut_row(row, 4) == (("ab界", BOLD, 4),)
    assert cut_row(row, 0) == ()
