"""Files of the town's private folder."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(path: str | Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all.

    Missing folders are made for the owner alone. What stood there, a link to elsewhere included, is
    replaced in one step.

    Raises:
        OSError: it cannot be written there.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = target.with_name(f".{target.name}.{os.getpid()}")  # two processes may write at once
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        beside.replace(target)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
