"""`gastown bd`: the verbs and flags of `bd`, so that agents trained on it feel at home.

Most verbs are those of `gastown bead`, which take `bd`'s flags. What makes no sense here says so.
"""

from __future__ import annotations

from typing import Final

import click

from gastown_tui.cli.bead import VERBS
from gastown_tui.cli.bead_stores import NO_MATTER
from gastown_tui.cli.bead_verbs import LazyVerbs

_HERE: Final = "gastown_tui.cli"
_MORE: Final = f"{_HERE}.bd_more"
_OWN: Final = {
    "batch": (f"{_HERE}.bd_batch", "batch", "writes from standard input, all or none"),
    "children": (_MORE, "children", "what is part of a bead"),
    "comments": (f"{_HERE}.bead_marks", "comments", "remarks on a bead"),
    "config": (f"{_HERE}.bd_config", "config", "settings of the beads directory"),
    "context": (_MORE, "where", "which beads these are"),
    "create": (f"{_HERE}.bd_create", "create", "make a bead, or with --graph many"),
    "export": (_MORE, "export", "(says where issues.jsonl is)"),
    "formula": (f"{_HERE}.formula", "formula", "formulas"),
    "gate": (f"{_HERE}.gate", "gate", "what steps wait for"),
    "import": (_MORE, "import_", "(says that files are taken in by themselves)"),
    "info": (_MORE, "where", "which beads these are"),
    "ls": (f"{_HERE}.bead_list", "list_beads", "list"),
    "mol": (f"{_HERE}.mol", "mol", "molecules: current, pour, wisp, squash ..."),
    "new": (f"{_HERE}.bd_create", "create", "create"),
    "onboard": (_MORE, "prime", "how work is done with these verbs"),
    "ping": (_MORE, "ping", "whether the beads can be read"),
    "prime": (_MORE, "prime", "how work is done with these verbs"),
    "q": (_MORE, "quick", "make a bead, print its id alone"),
    "quickstart": (_MORE, "prime", "how work is done with these verbs"),
    "ready": (f"{_HERE}.bd_ready", "ready", "what can be worked on now; --explain says why"),
    "status": (f"{_HERE}.bead_figures", "stats", "figures"),
    "sync": (_MORE, "sync", "(says that nothing needs to be)"),
    "types": (_MORE, "types", "types of beads"),
    "unclaim": (_MORE, "unclaim", "give a bead back"),
    "version": (_MORE, "version", "what this is"),
    "view": (f"{_HERE}.bead_read", "show", "show"),
    "where": (_MORE, "where", "which beads these are"),
}
_NOT_HERE: Final = {
    "admin": "the controller looks after the store",
    "compact": "closed beads stay as they are",
    "daemon": "there is no daemon; every verb writes by itself",
    "daemons": "there is no daemon; every verb writes by itself",
    "dolt": "there is no Dolt; beads are in .beads/issues.jsonl and its store",
    "edit": "it would open an editor: use update --description or --body-file",
    "federation": "there is none; beads travel with git",
    "hooks": "the town sets the hooks of its repositories up",
    "init": "beads are made with `gastown init` and `gastown rig add`",
    "merge-slot": "changes land one after the other by themselves: hand in with `gastown done`",
    "migrate": "nothing needs to be migrated",
    "setup": "the town sets its agents up",
    "sql": "there is no SQL; use list, search and count with --json",
    "swarm": "`gastown convoy stage` shows the waves of an epic, `epic status` how far it is",
    "worktree": "the town makes the sandboxes",
}
"""Verbs of `bd` that have no place here, and what there is instead."""
_FLAGS: Final = frozenset({"--json", "--readonly", "-q", "--quiet", "-v", "--verbose", *NO_MATTER})
_TAKES_VALUE: Final = frozenset({"--actor", "-C", "--directory", "--dir", "--rig"})
_LIMITS: Final = {"list": {"limit": 50}, "ls": {"limit": 50}, "ready": {"limit": 100}}
"""So many lines at most, unless told; `--json` prints all."""


class BdVerbs(LazyVerbs):
    """Takes the flags of all verbs before the verb, too, as `bd` does."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Move flags from before the verb to behind it."""
        front: list[str] = []
        rest = list(args)
        while rest and rest[0].partition("=")[0] in {*_FLAGS, *_TAKES_VALUE}:
            front.append(rest.pop(0))
            if front[-1] in _TAKES_VALUE and rest:
                front.append(rest.pop(0))
        if rest[:1] in (["--version"], ["-V"]):
            rest[0] = "version"
        if rest and not rest[0].startswith("-"):
            end = rest.index("--") if "--" in rest else len(rest)
            rest[end:end] = front
        try:
            return super().parse_args(ctx, rest)
        except click.NoSuchOption as error:
            known = "--json, --actor, --dir, --rig, --readonly"
            text = f"No such option {error.option_name}. Before a verb there are: {known}."
            raise click.UsageError(text, ctx) from error

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb; of one that has no place here it is said what there is instead."""
        if args and args[0] in _NOT_HERE:
            raise click.UsageError(f"There is no `bd {args[0]}` here: {_NOT_HERE[args[0]]}.", ctx)
        return super().resolve_command(ctx, args)


@click.group(
    cls=BdVerbs,
    verbs={name: verb for name, verb in VERBS.items() if name != "merge-driver"} | _OWN,
    context_settings={"default_map": _LIMITS},
)
def bd() -> None:
    """The verbs of `bd`, over the beads of this town or folder."""
