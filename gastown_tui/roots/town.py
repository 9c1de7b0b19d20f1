"""Opens a town: its configuration, catalogue, stores and rigs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gastown_tui.adapters.store import BeadStore, open_store
from gastown_tui.adapters.town_files import BEADS_NAME, RIG_FILE, TOWN_FILE
from gastown_tui.domain.config import RigConfig, TownConfig, read_rig, read_town
from gastown_tui.domain.errors import BadInput, GastownError, NotFound
from gastown_tui.services.books import Books, RigBooks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gastown_tui.domain.agents.catalogue import AgentEntry


def town_config(town: Path) -> TownConfig:
    """`town.toml`.

    Raises:
        BadInput: it cannot be read, or has no id.
    """
    path = town / TOWN_FILE
    config = read_town(_text(path), str(path))
    if not config.id:
        raise BadInput(f"{path} has no id", hint="it was written by `gastown init`: put it back")
    return config


def rig_config(town: Path, name: str) -> RigConfig:
    """`rig.toml` of a rig.

    Raises:
        NotFound: no such rig.
        BadInput: the file cannot be read, or is another rig's.
    """
    path = town / name / RIG_FILE
    if not path.is_file():
        known = ", ".join(sorted(rig_names(town))) or "none yet: `gastown rig add NAME PATH`"
        raise NotFound(f"there is no rig {name!r}", hint=f"rigs: {known}")
    config = read_rig(_text(path), str(path))
    if config.name != name:
        raise BadInput(f"{path} says that its rig is {config.name!r}", hint=f"it must be {name!r}")
    return config


def rig_names(town: Path) -> list[str]:
    """The folders of the town that hold a `rig.toml`."""
    return sorted(path.parent.name for path in town.glob(f"*/{RIG_FILE}"))


def catalogue(config: TownConfig) -> Mapping[str, AgentEntry]:
    """The shipped entries, changed by the town's; `{python}` is the interpreter that runs us.

    Raises:
        BadInput: an entry of the town's is not one, or the town's agent has none.
    """
    from gastown_tui.adapters.agents.catalogue_files import (
        shipped_entries,  # most verbs need neither
    )
    from gastown_tui.domain.agents.catalogue import load_entries

    entries = load_entries(shipped_entries(), config.agents)
    if config.agent not in entries:
        raise BadInput(
            f"{TOWN_FILE}: agent is {config.agent!r}", hint=f"known: {', '.join(sorted(entries))}"
        )
    return entries


def check_settings(town: Path) -> None:
    """Read all that a controller needs to start.

    Raises:
        BadInput: it could not.
    """
    catalogue(town_config(town))


def town_store(town: Path) -> BeadStore:
    """The town's own beads."""
    return open_store(town / BEADS_NAME)


def rig_store(town: Path, config: RigConfig) -> BeadStore:
    """A rig's beads."""
    return open_store(town / config.name / BEADS_NAME, prefix=config.prefix)


def open_books(town: Path) -> Books:
    """The town's books; a rig that cannot be opened is left out, and that is logged."""
    import logging  # most verbs get by without

    rigs: dict[str, RigBooks] = {}
    for name in rig_names(town):
        try:
            config = rig_config(town, name)
            rigs[name] = RigBooks(config=config, store=rig_store(town, config))
        except GastownError as error:
            logging.getLogger("gastown.town").error("the rig %s is left out: %s", name, error)  # noqa: TRY400 - one clear line
    return Books(town_store(town), rigs)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read: {error}") from error


__all__ = [
    "catalogue",
    "check_settings",
    "open_books",
    "rig_config",
    "rig_names",
    "rig_store",
    "town_config",
    "town_store",
]
