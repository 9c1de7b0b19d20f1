"""The overseer's own keys, out of the town's settings."""

from __future__ import annotations

import logging
import tomllib
from pathlib import Path
from typing import Final

_LOG: Final = logging.getLogger(__name__)


def user_keys(town: Path) -> dict[str, object]:
    """The `[keys]` table of `town.toml`; empty when there is none that can be read.

    A broken file is the controller's to report: the screen must come up all the same.
    """
    try:
        with (town / "town.toml").open("rb") as file:
            found = tomllib.load(file).get("keys", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        _LOG.warning("town.toml: %s", error)
        return {}
    return dict(found) if isinstance(found, dict) else {}
