"""What a conversation remembers on disk, so that it can be resumed after any death."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")


class Memory:
    """One conversation's notes in `<town>/.gastown/demo/<id>.json`; without a town, in memory.

    Notes only save repeated questions and commands: what was really done is read from git.
    """

    def __init__(self, town: str, conversation: str) -> None:
        self._folder = Path(town, ".gastown", "demo") if town else None
        self._path: Path | None = None
        if self._folder and _ID.match(conversation):
            self._path = self._folder / f"{conversation}.json"
        self._notes: dict[str, Any] = self._load()

    def _load(self) -> dict[str, Any]:
        if self._path is None:
            return {}
        try:
            notes = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            return {}  # torn by a power cut: git still knows what was done
        return notes if isinstance(notes, dict) else {}

    def get(self, key: str) -> Any:
        """The note under `key`, or None."""
        return self._notes.get(key)

    def put(self, key: str, value: Any) -> None:
        """Keeps a note, at once and whole."""
        if self._notes.get(key) == value:
            return
        self._notes[key] = value
        if self._path:
            write_whole(self._path, json.dumps(self._notes))

    def add(self, key: str, value: str) -> None:
        """Adds `value` to the list under `key`."""
        known = self.get(key)
        values = known if isinstance(known, list) else []
        if value not in values:
            self.put(key, [*values, value])

    def count_crash(self, bead: str) -> int:
        """Counts one ordered crash of a bead, over all its conversations; returns the new count."""
        path = self._crash_file(bead)
        if path is None:
            self._notes["crashes"] = self.crashes(bead) + 1
            return self.crashes(bead)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(b".")
            return file.tell()

    def crashes(self, bead: str) -> int:
        """Ordered crashes of a bead so far."""
        path = self._crash_file(bead)
        if path is None:
            return int(self._notes.get("crashes", 0))
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def _crash_file(self, bead: str) -> Path | None:
        if self._folder is None or not _ID.match(bead.replace(".", "-")):
            return None
        return self._folder / f"crashes-{bead}"


def write_whole(path: Path, text: str, mode: int = 0o600) -> None:
    """Writes a file so that a reader, or a death in the middle, sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".gastown-demo-{path.name}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    beside.replace(path)
