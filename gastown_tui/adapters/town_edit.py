"""Changes single keys of `town.toml`, and leaves all else in it as the person wrote it."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path

from gastown_tui.adapters.town_files import TOWN_FILE
from gastown_tui.domain.config import read_town
from gastown_tui.services.files import write_private


def set_max_working(town: Path, number: int) -> None:
    """Write `limits.max_working`.

    Raises:
        BadInput: the file cannot be read, or would be none afterwards.
        OSError: it cannot be written.
    """
    import tomlkit  # only here is anything written

    path = (town / TOWN_FILE).resolve()  # a link stays one
    text, mode = path.read_text("utf-8"), path.stat().st_mode & 0o777
    read_town(text)
    document = tomlkit.parse(text)
    limits = document.get("limits")
    if not isinstance(limits, MutableMapping):
        document["limits"] = limits = tomlkit.table()
    limits["max_working"] = number
    changed = tomlkit.dumps(document)
    read_town(changed)
    write_private(path, changed)
    path.chmod(mode)
