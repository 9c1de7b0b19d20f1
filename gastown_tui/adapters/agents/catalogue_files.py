"""The catalogue entries that are shipped in the package."""

from __future__ import annotations

import sys
from importlib import resources
from typing import Final

PYTHON: Final = b"{python}"
"""Stands in an entry for the interpreter that runs this package."""


def shipped_entries() -> dict[str, bytes]:
    """Name to TOML text of every shipped entry, `{python}` filled in."""
    python = sys.executable.replace("\\", "\\\\").replace('"', '\\"').encode()
    folder = resources.files("gastown_tui") / "data" / "agents"
    return {
        file.name.removesuffix(".toml"): file.read_bytes().replace(PYTHON, python)
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }
