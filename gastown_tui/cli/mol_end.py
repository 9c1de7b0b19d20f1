"""`gastown mol squash|burn|distill|sweep`: how molecules end, and what is kept of them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import click

from gastown_tui.cli.bead_guard import unguarded
from gastown_tui.cli.bead_place import Place, actor, located
from gastown_tui.cli.common import plain, show, show_json
from gastown_tui.cli.mol_make import found_molecule
from gastown_tui.cli.step import kept_in_file

if TYPE_CHECKING:
    from collections.abc import Sequence


@click.command()
@click.argument("id_", metavar="ID")
@click.option("--summary", default="", help="What the digest says; else the list of steps alone.")
@click.option("-f", "--force", is_flag=True, help="(agents) Also another's; the overseer sees it.")
@located
def squash(
    id_: str, folder: str | None, rig: str | None, *, summary: str, force: bool, as_json: bool
) -> None:
    """Leave one closed bead that says what was done; wisps are gone, durable steps closed."""
    del force  # is for what is another's: see `bead_guard`
    from gastown_tui.services import molecule_ends

    store, root = found_molecule(folder, rig, id_)
    digest, ids = molecule_ends.squash(store, root.id, summary, actor(os.environ))
    kept_in_file(store)
    if not as_json:
        show(digest)
        return
    show_json({"molecule_id": root.id, "digest_id": digest, "squashed_ids": ids,
               "squashed_count": len(ids), "deleted_count": len(ids) if root.ephemeral else 0,
               "kept_children": not root.ephemeral, "wisp_squash": root.ephemeral})  # fmt: skip


@click.command()
@click.argument("id_", metavar="ID")
@click.option("-f", "--force", is_flag=True, help="Also what something living depends on.")
@located
def burn(id_: str, folder: str | None, rig: str | None, *, force: bool, as_json: bool) -> None:
    """Take a molecule away, without a digest."""
    from gastown_tui.services import molecule_ends

    store, root = found_molecule(folder, rig, id_)
    gone = molecule_ends.burn(store, root.id, actor(os.environ), force=force)
    kept_in_file(store)
    if as_json:
        show_json({"molecule_id": root.id, "deleted_ids": gone, "deleted_count": len(gone)})
    else:
        show(f"burned {root.id}: {len(gone)} beads")


@click.command()
@click.argument("id_", metavar="ID")
@click.argument("name", metavar="FORMULA")
@click.option(
    "-v", "--var", "variables", multiple=True, metavar="NAME=VALUE",
    help="Every VALUE in the texts becomes the variable NAME.",
)  # fmt: skip
@located
def distill(
    id_: str, name: str, folder: str | None, rig: str | None, *, variables: Sequence[str],
    as_json: bool,
) -> None:  # fmt: skip
    """Make a formula of a molecule, so that it can be done again."""
    from gastown_tui.adapters.formulas import write_formula
    from gastown_tui.cli.formula import values_of
    from gastown_tui.domain.molecule_distill import distill as distilled
    from gastown_tui.services.molecules import gather

    store, root = found_molecule(folder, rig, id_)
    formula = distilled(name, root.id, gather(store, root.id), values_of(variables))
    path = write_formula(store.beads_dir, formula)
    if as_json:
        show_json({"formula_name": name, "formula_path": str(path), "steps": len(formula.steps),
                   "variables": sorted(formula.vars)})  # fmt: skip
    else:
        show(str(path))


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@located
def sweep(folder: str | None, rig: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Take wisps away whose time is over, and keep for good those that somebody needs."""
    from gastown_tui.services.wisps import sweep as swept

    told: list[dict[str, object]] = []
    for store in Place(folder=folder, rig=rig).open_all():
        found = swept(unguarded(store), time.time(), actor=actor(os.environ), dry_run=dry_run)
        told.append({"prefix": store.prefix, "cleaned_ids": list(found.deleted),
                     "cleaned_count": len(found.deleted), "promoted_ids": list(found.promoted),
                     "dry_run": dry_run})  # fmt: skip
        if found.promoted and not dry_run:
            kept_in_file(store)
        if not as_json:
            would = "would be " if dry_run else ""
            show(plain(f"{store.prefix}: {len(found.deleted)} wisps {would}swept, "
                       f"{len(found.promoted)} {would}kept for good"))  # fmt: skip
    if as_json:
        show_json(told)
