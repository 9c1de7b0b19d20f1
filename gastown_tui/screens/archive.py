"""The sessions' folders in the town: one a session, kept for a while after its end.

::

    <town>/.gastown/sessions/<safe name>/    0700, files 0600
        meta.json     which run of which session this is, and how it ended
        snapshot, log-*                      see `log`
        text          screen and scrollback as text, written at the end
"""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.protocol import RunRow
from gastown_tui.terminal import Safety

KEPT: Final = 200
"""Ended sessions that are kept at most."""
KEPT_S: Final = 14 * 86_400.0
LEVELS: Final = (Safety.FULL, Safety.NO_HYPERLINKS, Safety.PLAIN)
"""From the fullest to the safest."""
LONGEST: Final = 150
"""Characters of a folder's name that are the session's own."""
TEXT_CHARACTERS: Final = 4_000_000
"""Of the last text, scrollback included, that are kept."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]|^\.")
_LOG: Final = logging.getLogger(__name__)


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the session that a folder belongs to."""

    name: str
    run: str
    cols: int
    rows: int
    scrollback: int = 10_000
    started: float = 0.0
    ended: float = 0.0
    """0 while nobody knows that it has ended."""
    code: int | None = None
    title: str = ""
    above: int = 0
    """Lines of the kept text that were scrollback."""
    level: int = 0
    """Index in `LEVELS`."""


def folder_name(session: str) -> str:
    """A file name for any session name; different names get different ones."""
    safe = _UNSAFE.sub(lambda match: "".join(f"%{b:02X}" for b in match[0].encode()), session)
    if len(safe) <= LONGEST:
        return safe
    return f"{safe[:LONGEST]}%{hashlib.sha256(session.encode()).hexdigest()[:16]}"


class Archive:
    """The folder of all sessions."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)

    def folder(self, session: str) -> Path:
        """Where `session` is kept; it need not exist."""
        return self._root / folder_name(session)

    def fresh(self, meta: Meta) -> Path:
        """An empty folder for a new run; nothing of an earlier one stays."""
        folder = self.folder(meta.name)
        self.remove(meta.name)
        folder.mkdir(mode=0o700)
        self.write(meta)
        return folder

    def write(self, meta: Meta) -> None:
        """Record `meta` in its folder."""
        folder = self.folder(meta.name)
        beside = folder / "meta.new"
        try:
            beside.write_bytes(msgspec.json.encode(meta))
            beside.replace(folder / "meta.json")
        except OSError as error:
            _LOG.error("%s: cannot be recorded: %s", folder, error)

    def meta(self, session: str) -> Meta | None:
        """What is recorded of `session`."""
        return self._read(self.folder(session))

    @staticmethod
    def _read(folder: Path) -> Meta | None:
        try:
            return msgspec.json.decode((folder / "meta.json").read_bytes(), type=Meta)
        except (OSError, msgspec.MsgspecError):
            return None

    @staticmethod
    def meta_of(row: RunRow) -> Meta:
        """The record of a run that begins."""
        return Meta(
            name=row.name,
            run=row.run,
            cols=min(max(row.cols, 1), 1000),
            rows=min(max(row.rows, 1), 1000),
            scrollback=min(max(row.scrollback, 0), 1_000_000),
            started=row.started,
        )

    def all(self) -> list[Meta]:
        """Every recorded session."""
        found = (self._read(path) for path in self._root.iterdir() if path.is_dir())
        return [meta for meta in found if meta]

    def write_text(self, session: str, text: str) -> None:
        """Keep the last text of `session`."""
        path = self.folder(session) / "text"
        try:
            path.write_text(text, "utf-8", "replace")
        except OSError as error:
            _LOG.error("%s: cannot be recorded: %s", path, error)

    def text(self, session: str) -> str:
        """The last text of `session`, as far as it was kept."""
        try:
            return (self.folder(session) / "text").read_text("utf-8", "replace")
        except OSError:
            return ""

    def remove(self, session: str) -> None:
        """Remove all that is kept of `session`."""
        shutil.rmtree(self.folder(session), ignore_errors=True)

    def prune(self, now: float) -> list[str]:
        """Remove ended sessions that are too old or too many; returns their names."""
        ended = sorted((meta for meta in self.all() if meta.ended), key=lambda meta: -meta.ended)
        old = [
            meta.name
            for index, meta in enumerate(ended)
            if index >= KEPT or now - meta.ended > KEPT_S
        ]
        for name in old:
            self.remove(name)
        return old
