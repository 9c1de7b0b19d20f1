"""`gastown bd config`: what `config.yaml` of a beads directory says; types and statuses added."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

from gastown_tui.cli.bead_stores import Stores, placed
from gastown_tui.domain import bead_config
from gastown_tui.domain.errors import BadInput

if TYPE_CHECKING:
    from gastown_tui.adapters.store import BeadStore

_LINE: Final = re.compile(
    r"""^([A-Za-z][\w.-]*):[ \t]+["']?([^"'#\n]*?)["']?[ \t]*(?:#.*)?$""", re.M
)
_SECRET: Final = re.compile(r"(?i)token|secret|password|api[-_.]?key|credential")
_DECLARED: Final = {"types.custom": "types", "status.custom": "status"}


@click.group()
def config() -> None:
    """Settings of a beads directory."""


@config.command("list")
@placed
def list_all(stores: Stores) -> None:
    """List what is set."""
    from gastown_tui.cli import bead_output

    found = _settings(stores.here())
    if stores.as_json:
        click.echo(bead_output.dump(found))
        return
    for key, value in found.items():
        click.echo(bead_output.plain(f"{key} = {value}"))


@config.command()
@click.argument("key")
@placed
def get(stores: Stores, key: str) -> None:
    """Print one setting; empty for one that is not set."""
    from gastown_tui.cli import bead_output

    value = _settings(stores.here()).get(key, "")
    told = {"key": key, "value": value}
    text = bead_output.plain(value or f"{key} (not set)")
    click.echo(bead_output.dump(told) if stores.as_json else text)


@config.command("set")
@click.argument("key")
@click.argument("value")
@placed
def set_(stores: Stores, key: str, value: str) -> None:
    """Add types or statuses that beads may have (types.custom, status.custom).

    Other settings are made in config.yaml, by people.
    """
    from gastown_tui.adapters.store import doctor
    from gastown_tui.cli import bead_output
    from gastown_tui.domain.statuses import is_name

    if key not in _DECLARED:
        where = stores.here().beads_dir
        raise BadInput(f"{key} is not set by a verb", hint=f"a person can, in {where}/config.yaml")
    store = stores.fresh()  # where work is made whose type it may be
    names = [name for one in value.split(",") if (name := one.strip())]
    if not names or not all(is_name(part) for one in names for part in one.split(":", 1)):
        raise BadInput(f"{value!r} is no list of names: small letters, digits, _ and -, and commas")
    stores.write(store, [])  # refuses where only reading was asked for
    doctor.declare(store.beads_dir, _DECLARED[key], names, datetime.now(UTC))
    every = _settings(store)[key]
    told = {"key": key, "value": every}
    text = f"{key} = {every} (none that was there is taken away)"
    click.echo(bead_output.dump(told) if stores.as_json else text)


def _settings(store: BeadStore) -> dict[str, str]:
    """The flat settings of `config.yaml` and the prefix; nothing that may be a secret."""
    path = store.beads_dir / "config.yaml"
    text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    found = {key: value.strip() for key, value in _LINE.findall(text) if not _SECRET.search(key)}
    for key in ("issue-prefix", "issue_prefix"):
        found.pop(key, None)
    for key, name in _DECLARED.items():
        if names := bead_config.names(text, name):
            found[key] = ",".join(names)
    return {"issue_prefix": store.prefix, **dict(sorted(found.items()))}
