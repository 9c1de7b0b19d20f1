"""The catalogue entries that are shipped in the package."""

from __future__ import annotations

from importlib import resources


def shipped_entries() -> dict[str, bytes]:
    """Name to TOML text of every shipped entry."""
    folder = resources.files("gastown_tui") / "data" / "agents"
    return {
        file.name.removesuffix(".toml"): file.read_bytes()
        for file in folder.iterdir()
        if file.name.endswith(".toml")
    }
