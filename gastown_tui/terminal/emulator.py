"""One terminal: bytes of a program in, rows, signals and encoded input out."""

from __future__ import annotations

from typing import Any, Final, Self

import msgspec

from gastown_tui.cells import Row
from gastown_tui.domain.errors import BadInput, Damaged, Unavailable
from gastown_tui.terminal import keys, native
from gastown_tui.terminal.filters import Filter, FilterState
from gastown_tui.terminal.model import Cursor, Damage, Mouse, Safety
from gastown_tui.terminal.native import lib
from gastown_tui.terminal.reader import RowReader
from gastown_tui.terminal.reports import Reports

CHUNK: Final = 16_384
"""Bytes of one native call: its time stays bounded whatever they are."""
MAX_SIDE: Final = 2000
"""Most columns or rows of a terminal."""
MIN_COLS: Final = 2
"""A wide character in one column is a state that the library cannot save."""


class _Snapshot(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    version: int
    screen: bytes
    filter: tuple[int, bytes, int, bytes]
    title: str
    progress: int | None
    notices: tuple[str, ...]
    bells: int
    replies: bytes
    scrollback: int
    widest: int
    safety: Safety


_VERSION: Final = 1
_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Snapshot).decode


def _checked_size(cols: int, rows: int) -> tuple[int, int]:
    if not (1 <= cols <= MAX_SIDE and 1 <= rows <= MAX_SIDE):
        raise BadInput(
            f"a terminal cannot have {cols} columns and {rows} rows",
            hint=f"each must be 1 to {MAX_SIDE}",
        )
    return max(cols, MIN_COLS), rows


class _Native:
    """The native parts of a terminal, and what can be asked of them at any time."""

    _handle: Any = None

    def __init__(self, handle: Any, scrollback: int) -> None:
        self._replies = native.Replies()
        self._user = native.ffi.new_handle(self._replies)
        self._scrollback = scrollback
        self._widest = 0
        native.configure(handle, self._user)
        self._keyboard = keys.Keyboard()
        self._reader = RowReader()
        self._history: RowReader | None = None
        self._handle = handle

    def _limit_scrollback(self, cols: int) -> None:
        """Bound the scrollback for the widest size so far: narrowing must not lose lines."""
        if cols > self._widest:
            self._widest = cols
            native.limit_scrollback(self._handle, self._scrollback, self._widest)

    def _get(self, key: int, ctype: str) -> Any:
        return native.get(self._handle, key, ctype)

    @property
    def cols(self) -> int:
        """Columns."""
        return int(self._get(lib.GHOSTTY_TERMINAL_DATA_COLS, "uint16_t"))

    @property
    def rows(self) -> int:
        """Visible rows."""
        return int(self._get(lib.GHOSTTY_TERMINAL_DATA_ROWS, "uint16_t"))

    @property
    def history_rows(self) -> int:
        """Rows kept above the screen; 0 while the alternate screen is up."""
        return int(self._get(lib.GHOSTTY_TERMINAL_DATA_SCROLLBACK_ROWS, "size_t"))

    @property
    def alt_screen(self) -> bool:
        """Whether a full-screen program has the alternate screen up."""
        return bool(self._get(lib.GHOSTTY_TERMINAL_DATA_ACTIVE_SCREEN, "GhosttyTerminalScreen"))

    @property
    def mouse_tracking(self) -> bool:
        """Whether the program asked for mouse events."""
        return bool(self._get(lib.GHOSTTY_TERMINAL_DATA_MOUSE_TRACKING, "bool"))

    @property
    def mouse_wanted(self) -> str:
        """Which mouse events the program asked for: press, drag, any (motion, too) or none: ""."""
        if not self.mouse_tracking:
            return ""
        if native.mode(self._handle, 1003):
            return "any"
        return "drag" if native.mode(self._handle, 1002) else "press"

    @property
    def bracketed_paste(self) -> bool:
        """Whether pastes are to be marked as such (mode 2004)."""
        return native.mode(self._handle, 2004)

    @property
    def focus_events(self) -> bool:
        """Whether the program asked to be told of the focus (mode 1004)."""
        return native.mode(self._handle, 1004)

    @property
    def application_cursor(self) -> bool:
        """Whether cursor keys are sent in their application form (mode 1)."""
        return native.mode(self._handle, 1)

    @property
    def cursor(self) -> Cursor:
        """The cursor now."""
        self._reader.update(self._handle)
        return self._reader.cursor()

    def close(self) -> None:
        """Free the native memory; nothing else may be called afterwards."""
        if self._handle is None:
            return
        self._keyboard.close()
        self._reader.close()
        if self._history:
            self._history.close()
        lib.ghostty_terminal_free(self._handle)
        self._handle = None

    def __del__(self) -> None:
        self.close()


class _Input(_Native):
    """Keys, paste, mouse and focus as the program wants them."""

    def encode_key(
        self,
        key: str,
        text: str = "",
        *,
        shift: bool = False,
        alt: bool = False,
        ctrl: bool = False,
    ) -> bytes:
        """The bytes of a key press.

        Args:
            key: a name as Textual gives it ("a", "enter", "f5", "full_stop"), with or without
                "ctrl+", "alt+" and "shift+" before it.
            text: what the key typed, when it typed something.
            shift: held.
            alt: held.
            ctrl: held.

        Returns:
            The bytes by the cursor-key, keypad and keyboard-protocol modes; empty for a key that
            programs cannot see.
        """
        modifiers = shift * 1 | ctrl * 2 | alt * 4
        return self._keyboard.key(self._handle, key, text, modifiers)

    def encode_paste(self, text: str) -> bytes:
        """A paste: bracketed if the program asked, without control characters but LF and TAB."""
        return keys.encode_paste(self._handle, text)

    def encode_mouse(self, mouse: Mouse) -> bytes:
        """A mouse event; empty when the program did not ask for it."""
        return self._keyboard.mouse(self._handle, mouse, self.cols, self.rows)

    def encode_focus(self, gained: bool) -> bytes:  # noqa: FBT001 - the one thing it says
        """The focus came or went; empty when the program did not ask."""
        return keys.encode_focus(self._handle, gained=gained)

    def take_replies(self) -> bytes:
        """Answers to the program's questions since the last call, to be written to it."""
        return self._replies.take()


class Terminal(_Input):
    """An emulated terminal.

    `feed` takes any bytes at all. Sizes outside 1 to `MAX_SIDE` raise `BadInput`, one column
    becomes two; a library that cannot allocate raises `Unavailable`. For one thread at a time.
    """

    def __init__(
        self, cols: int, rows: int, *, scrollback: int = 10_000, safety: Safety = Safety.FULL
    ) -> None:
        """A blank terminal of `cols` by `rows` cells that keeps `scrollback` lines above."""
        cols, rows = _checked_size(cols, rows)
        handle = native.create(cols, rows)
        native.resize(handle, cols, rows)  # tells it the size of a cell
        self._setup(handle, scrollback, safety, Reports())
        self._limit_scrollback(cols)

    def _setup(
        self,
        handle: Any,
        scrollback: int,
        safety: Safety,
        reports: Reports,
        state: FilterState | None = None,
    ) -> None:
        super().__init__(handle, scrollback)
        self._safety = safety
        self._reports = reports
        self._filter = Filter(safety, reports, state)
        self.bells = 0
        """Bells rung since the start."""

    @property
    def title(self) -> str:
        """The last title the program gave, one plain line."""
        return self._reports.title

    @property
    def progress(self) -> int | None:
        """Per cent done; -1 busy without a figure, -2 failed, None when the program shows none."""
        return self._reports.progress

    def take_notices(self) -> list[str]:
        """Notifications since the last call, plain lines, the latest 20."""
        notices, self._reports.notices = self._reports.notices, []
        return notices

    def feed(self, data: bytes) -> None:
        """Take a program's output; how it is cut into calls never matters."""
        for start in range(0, len(data), CHUNK):
            piece = data if len(data) <= CHUNK else data[start : start + CHUNK]
            passed = self._filter.feed(piece)
            if passed:
                if b"\a" in passed:
                    self.bells += passed.count(b"\a")
                native.write(self._handle, passed)

    def resize(self, cols: int, rows: int) -> None:
        """Change the size; the main screen's lines are wrapped anew."""
        cols, rows = _checked_size(cols, rows)
        native.resize(self._handle, cols, rows)
        self._limit_scrollback(cols)
        self._mend()

    def text(self) -> str:
        """The visible screen as text, without the blanks at the end of rows and of the screen."""
        return _trim(native.screen_text(self._handle, self.cols, self.rows))

    def contents(self) -> str:
        """Scrollback and screen as text, trimmed as in `text`."""
        return _trim(native.all_text(self._handle))

    def damage(self) -> Damage:
        """The rows that changed since the last call, and the cursor."""
        self._reader.update(self._handle)
        full, rows = self._reader.changed()
        return Damage(full=full, rows=rows, cursor=self._reader.cursor())

    def row(self, y: int) -> Row:
        """Visible row `y` as it is now; what `damage` will report is not touched."""
        self._reader.update(self._handle)
        rows = self._reader.rows(y, 1) if y >= 0 else []
        if not rows:
            raise BadInput(f"the screen has no row {y}")
        return rows[0]

    def history(self, first: int, count: int) -> list[Row]:
        """Up to `count` rows above the screen from `first` on; 0 is the oldest kept."""
        self._reader.update(self._handle)  # its damage, before another view takes it
        if self._history is None:
            self._history = RowReader()
        found: list[Row] = []
        first = max(first, 0)
        last = min(first + count, self.history_rows)
        try:
            while first < last:
                native.scroll_to(self._handle, first)
                self._history.update(self._handle)
                rows = self._history.rows(0, last - first)
                found += rows
                first += len(rows)
        finally:
            native.scroll_to(self._handle, None)
        return found

    def compress(self) -> bool:
        """Pack a part of the scrollback, in a fraction of a millisecond; False when all is done."""
        return native.compress(self._handle)

    def snapshot(self) -> bytes:
        """Everything needed to go on from here in another process, also within a sequence."""
        try:
            screen = native.encode_snapshot(self._handle)
        except Unavailable:
            self._mend()
            self._mend_hidden()
            screen = native.encode_snapshot(self._handle)
        return _encode(
            _Snapshot(
                version=_VERSION,
                screen=screen,
                filter=self._filter.state,
                title=self.title,
                progress=self.progress,
                notices=tuple(self._reports.notices),
                bells=self.bells,
                replies=bytes(self._replies.data),
                scrollback=self._scrollback,
                widest=self._widest,
                safety=self._safety,
            )
        )

    def _mend(self) -> None:
        """Blank the half characters that a narrower size leaves: no snapshot can hold them."""
        self._reader.update(self._handle)
        if torn := self._reader.torn():
            blanks = b"".join(b"\x1b[%d;%dH\x1b[X" % (y + 1, x + 1) for x, y in torn)
            native.write(self._handle, b"\x1b7\x1b[?6l\x1b[m" + blanks + b"\x1b8")

    def _mend_hidden(self) -> None:
        """Clear what a program left on the alternate screen, which a resize cuts unseen."""
        if not self.alt_screen:
            wraps = self._get(lib.GHOSTTY_TERMINAL_DATA_CURSOR_PENDING_WRAP, "bool")
            clear = b"\x1b[?1047h\x1b[?1047l"  # keeps the cursor, but for a wrap that is due
            native.write(self._handle, b"\x1b7" + clear + b"\x1b8" if wraps else clear)

    @classmethod
    def restore(cls, data: bytes, *, safety: Safety | None = None) -> Self:
        """The terminal that `snapshot` was taken of.

        Args:
            data: the snapshot's bytes.
            safety: another level than it had then.

        Raises:
            Damaged: the bytes are not a snapshot that this version can read.
        """
        try:
            saved = _decode(data)
        except msgspec.MsgspecError as error:
            raise Damaged(f"the terminal snapshot cannot be read ({error})") from error
        if saved.version != _VERSION:
            raise Damaged(f"the terminal snapshot is of version {saved.version}, not {_VERSION}")
        reports = Reports(saved.title, saved.progress, saved.notices)
        handle = native.decode_snapshot(saved.screen)
        state = FilterState(*saved.filter)
        terminal = cls.__new__(cls)
        terminal._setup(handle, saved.scrollback, safety or saved.safety, reports, state)  # noqa: SLF001 - its own class
        terminal._limit_scrollback(saved.widest)  # noqa: SLF001
        terminal.bells = saved.bells
        terminal._replies.data += saved.replies  # noqa: SLF001
        return terminal


def _trim(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n")
