"""The big pane: the session that the overseer looks at, and types into."""

from __future__ import annotations

from textual import events
from textual.message import Message

from gastown_tui.cells import Row
from gastown_tui.domain.errors import GastownError
from gastown_tui.protocol import Mouse
from gastown_tui.tui.ports import ScreensPort
from gastown_tui.tui.widgets.pane import PaneView

_WHEEL_ROWS = 3
_PAN_STEP = 20


class TerminalPane(PaneView):
    """While it has the focus every key goes to the session, except the keys that leave."""

    can_focus = True
    wants_cursor = True

    class Left(Message):
        """The leave key was pressed."""

    class Scrolled(Message):
        """The pane shows another part of the session's history."""

    def __init__(self, port: ScreensPort, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self._port = port
        self.leave_keys: tuple[str, ...] = ("ctrl+q",)
        self.back = 0
        """How many rows above its end the history is shown from; 0 = live."""
        self._old: list[Row] = []
        self._asked = 0

    def set_session(self, session: str) -> None:
        """Show another session, live."""
        if session != self.session:
            self.live()
        super().set_session(session)

    def live(self) -> None:
        """Leave the history."""
        self._asked += 1
        if self.back or self._old:
            self.back, self._old = 0, []
            self._strips.clear()
            self._shape = self._place()
            self.refresh_lines(range(self.size.height))
            self.post_message(self.Scrolled())

    async def scroll_history(self, step: int) -> None:
        """Go `step` rows up (down if negative) in the session's history."""
        session, height = self.session, max(1, self.size.height - 1)
        if not session or (step < 0 and not self.back):
            return
        self._asked += 1
        asked = self._asked
        try:
            total = (await self._port.rows(session, 0, 0)).total
            below = max(0, len(self.picture.rows) - super().first_row() - height)
            back = max(0, min(self.back + step, total - height - below))
            if back == 0:
                self.live()
                return
            first = max(0, total - below - back - height)
            found = await self._port.rows(session, first, height)
        except GastownError as error:
            self.app.notify(str(error), severity="warning", markup=False)
            return
        if session != self.session or asked != self._asked:
            return
        self.back, self._old = back, list(found.rows)
        self.reset()
        self._shape = self._place()
        self.post_message(self.Scrolled())

    def first_row(self) -> int:
        """The row under the title: of the history, or of the live picture."""
        return 0 if self.back else super().first_row()

    def first_column(self) -> int:
        """Far enough right for the cursor to be seen while the session takes the keys."""
        width = self.size.width
        if not self.has_focus or self.back or self.picture.cursor_x < width - 1 or width < 2:
            return 0
        over = self.picture.cursor_x - width + 2
        return -(-over // _PAN_STEP) * _PAN_STEP

    def row_at(self, row: int) -> Row | None:
        """A row of the history, or of the live picture."""
        if self.back:
            return self._old[row] if 0 <= row < len(self._old) else None
        return super().row_at(row)

    def picture_changed(self, dirty: set[int] | None, *, hurry: bool = False) -> None:
        """Paint a frame, unless the history is shown."""
        if not self.back:
            super().picture_changed(dirty, hurry=hurry)

    def on_key(self, event: events.Key) -> None:
        """Send the key to the session."""
        event.stop()
        event.prevent_default()
        if event.key in self.leave_keys:
            self.post_message(self.Left())
            return
        if not self.session:
            return
        self.live()
        text = event.character if event.character and event.is_printable else ""
        self._port.key(self.session, event.key, text)

    def on_paste(self, event: events.Paste) -> None:
        """Send pasted text to the session."""
        event.stop()
        event.prevent_default()
        if self.session:
            self.live()
            self._port.paste(self.session, event.text)

    def on_focus(self) -> None:
        """The columns may move to where the cursor is."""
        self.picture_changed(None)

    def on_blur(self) -> None:
        """Back to the left edge."""
        self.picture_changed(None)

    async def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Up in the history."""
        event.stop()
        await self.scroll_history(_WHEEL_ROWS)

    async def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Down in the history."""
        event.stop()
        await self.scroll_history(-_WHEEL_ROWS)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Tell the program, if it wants to know."""
        self._mouse("release", event)

    def forward_press(self, event: events.MouseDown) -> None:
        """Tell the program of a press, if it wants to know."""
        self._mouse("press", event)

    def on_mouse_down(self, event: events.MouseDown) -> None:  # type: ignore[override]
        """The first press takes the focus, later ones go to the program."""
        if self.has_focus:
            self.forward_press(event)
        self.post_message(self.Clicked(self))

    def _mouse(self, kind: str, event: events.MouseEvent) -> None:
        row = self._shape[1] + int(event.y) - 1
        if not self.has_focus or self.back or row < 0 or event.y < 1:
            return
        self._port.mouse(
            Mouse(
                session=self.session,
                kind=kind,
                x=int(event.x) + self._shape[2],
                y=row,
                button=event.button,
                shift=event.shift,
                alt=event.meta,
                ctrl=event.ctrl,
            )
        )
