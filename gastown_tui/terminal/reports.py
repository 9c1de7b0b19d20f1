"""What a program says about itself in OSC strings: title, progress, notifications.

Formats: OSC 0 and 2 (xterm, ctlseqs), OSC 9 text (iTerm2), OSC 9;4 progress (ConEmu), OSC 777
(rxvt: notify;title;body). All of it is text of a stranger: bounded, one line, no controls.
"""

from __future__ import annotations

import re
from typing import Final

TITLE_CHARACTERS: Final = 256
NOTICE_CHARACTERS: Final = 200
NOTICES: Final = 20
INDETERMINATE: Final = -1
ERROR: Final = -2

_PROGRESS: Final = re.compile(r"4;([0-4])(?:;(\d{0,3}))?(?:;.*)?")
_CONEMU: Final = re.compile(r"(?:[1-9]|1[0-2])(?:;.*)?")
# Zero width and direction marks: they can make one name read as another.
_INVISIBLE: Final = dict.fromkeys([0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F),
                                   *range(0x2060, 0x2070), 0xFEFF])  # fmt: skip


def plain_line(text: str, limit: int) -> str:
    """`text` as one line of at most `limit` characters without controls and hidden marks."""
    text = text[: 4 * limit].translate(_INVISIBLE)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(text.split())[:limit].rstrip()


class Reports:
    """The last title and progress, and the notifications not yet taken."""

    def __init__(
        self, title: str = "", progress: int | None = None, notices: tuple[str, ...] = ()
    ) -> None:
        self.title = title
        self.progress = progress
        self.notices = list(notices)

    def osc(self, body: bytes) -> None:
        """Read one OSC string, without its introducer and terminator; unknown ones are nothing."""
        command, _, rest = body.decode("utf-8", "replace").partition(";")
        match command:
            case "0" | "2":
                self.title = plain_line(rest, TITLE_CHARACTERS)
            case "9":
                self._nine(rest)
            case "777":
                kind, _, text = rest.partition(";")
                if kind == "notify":
                    title, _, message = text.partition(";")
                    self._notice(f"{title}: {message}" if title and message else title or message)
            case _:
                pass

    def _nine(self, rest: str) -> None:
        if progress := _PROGRESS.fullmatch(rest):
            state, value = int(progress[1]), min(int(progress[2] or 0), 100)
            self.progress = (None, value, ERROR, INDETERMINATE, value)[state]
        elif not _CONEMU.fullmatch(rest):
            self._notice(rest)

    def _notice(self, text: str) -> None:
        if line := plain_line(text, NOTICE_CHARACTERS):
            self.notices = [*self.notices, line][-NOTICES:]
