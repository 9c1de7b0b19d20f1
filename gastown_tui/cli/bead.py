"""`gastown bead`: make, read and change beads, in a town or in any folder with a `.beads`."""

from __future__ import annotations

import click

from gastown_tui.cli.bead_verbs import LazyVerbs

_HERE = "gastown_tui.cli"
VERBS = {
    "blocked": (f"{_HERE}.bead_list", "blocked", "what waits, and for what"),
    "close": (f"{_HERE}.bead_close", "close", "close beads"),
    "comment": (f"{_HERE}.bead_marks", "comment", "remarks: add (also without saying so), list"),
    "count": (f"{_HERE}.bead_figures", "count", "how many beads, also by kind"),
    "create": (f"{_HERE}.bead_write", "create", "make a bead and print its id"),
    "defer": (f"{_HERE}.bead_close", "defer", "put beads off, until a time or a word"),
    "delete": (f"{_HERE}.bead_close", "delete", "delete beads; tombstones stay in the file"),
    "dep": (f"{_HERE}.bead_dep", "dep", "edges: add, remove, list, tree, cycles"),
    "doctor": (f"{_HERE}.bead_doctor", "doctor", "what is wrong with the file, and repair"),
    "duplicate": (f"{_HERE}.bead_close", "duplicate", "close a bead as a duplicate of another"),
    "duplicates": (f"{_HERE}.bead_figures", "duplicates", "open beads that say the same"),
    "epic": (f"{_HERE}.bead_close", "epic", "how far epics are; close those that are done"),
    "fold": (f"{_HERE}.bead_read", "fold", "bring issues.jsonl up to date"),
    "history": (f"{_HERE}.bead_read", "history", "what was done to a bead, by whom and when"),
    "label": (f"{_HERE}.bead_marks", "label", "labels: add, remove, list"),
    "list": (f"{_HERE}.bead_list", "list_beads", "beads, with filters"),
    "merge-driver": (f"{_HERE}.merge_driver", "merge_driver", "(git) merge versions of the file"),
    "note": (f"{_HERE}.bead_marks", "note", "add a paragraph to the notes"),
    "promote": (f"{_HERE}.bead_close", "promote", "make wisps last"),
    "ready": (f"{_HERE}.bead_list", "ready", "what can be worked on now"),
    "reopen": (f"{_HERE}.bead_close", "reopen", "open what was closed"),
    "search": (f"{_HERE}.bead_list", "search", "beads with these words"),
    "set-state": (f"{_HERE}.bead_marks", "set_state", "set a label dimension:value"),
    "show": (f"{_HERE}.bead_read", "show", "beads whole"),
    "slot": (f"{_HERE}.bead_marks", "slot", "named places in a bead's metadata"),
    "stale": (f"{_HERE}.bead_list", "stale", "what nobody has touched for long"),
    "state": (f"{_HERE}.bead_marks", "state", "the value of a label dimension:value"),
    "stats": (f"{_HERE}.bead_figures", "stats", "figures"),
    "supersede": (f"{_HERE}.bead_close", "supersede", "close a bead in favour of another"),
    "tree": (f"{_HERE}.bead_read", "tree", "what a bead is part of, and its parts"),
    "undefer": (f"{_HERE}.bead_close", "undefer", "take up again what was put off"),
    "update": (f"{_HERE}.bead_write", "update", "change fields of beads"),
}  # fmt: skip


@click.group(cls=LazyVerbs, verbs=VERBS)
def bead() -> None:
    """Make, read and change beads."""
