"""What the overseer has seen of each change, as small files of the town."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.domain.review import Look

_LOG: Final = logging.getLogger("gastown.looks")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}")
_KEPT_S: Final = 60 * 86_400
"""A look that old is forgotten: its change has landed or been dropped long ago."""
_MOST: Final = 1 << 20
"""Bytes of a file that is read: ours are a few thousand."""


class LookFiles:
    """One file a request or agent in `.gastown/looks`; written whole, by one thread in order."""

    def __init__(self, town: Path) -> None:
        self._folder = town / ".gastown" / "looks"
        self._writer = ThreadPoolExecutor(1, "looks")

    def _path(self, subject: str) -> Path | None:
        name = subject.replace("/", "~")
        return self._folder / f"{name}.json" if _NAME.fullmatch(name) else None

    async def get(self, subject: str) -> Look:
        """The last look; an empty one when there was none, or when it cannot be read."""
        path = self._path(subject)
        if path is None:
            return Look()
        return await asyncio.get_running_loop().run_in_executor(self._writer, _read, path)

    def keep(self, subject: str, look: Look) -> None:
        """Write a look soon, in the order of the calls."""
        path = self._path(subject)
        if path is not None:
            self._writer.submit(_write, path, look)

    def close(self) -> None:
        """Wait for what is still to be written, and forget what is old."""
        self._writer.submit(_prune, self._folder, time.time())
        self._writer.shutdown(wait=True)


def _read(path: Path) -> Look:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST), type=Look)
    except FileNotFoundError:
        return Look()
    except (OSError, msgspec.DecodeError) as error:
        _LOG.warning("%s is not read: %s", path, error)
        return Look()


def _write(path: Path, look: Look) -> None:
    new = path.with_suffix(".new")
    try:
        path.parent.mkdir(mode=0o700, exist_ok=True)
        new.touch(mode=0o600)
        with new.open("wb") as file:
            file.write(msgspec.json.encode(look))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        _LOG.warning("%s is not written: %s", path, error)


def _prune(folder: Path, now: float) -> None:
    try:
        for path in folder.iterdir():
            if now - path.stat().st_mtime > _KEPT_S:
                path.unlink(missing_ok=True)
    except FileNotFoundError:
        return
    except OSError as error:
        _LOG.warning("%s: %s", folder, error)
