"""Carries bead files in git: the town's in the town's own repository, a rig's on a local branch."""

from __future__ import annotations

from pathlib import Path

from gastown_tui.adapters.git.hub import identity
from gastown_tui.adapters.git.run import Git

BRANCH = "gastown/beads"
"""Of a rig's hub; local, never pushed unless somebody says so."""
_TOWN_IGNORE = "*\n!.gitignore\n!town.toml\n!.beads\n!.beads/issues.jsonl\n!.beads/config.yaml\n"
_FILES = ("issues.jsonl", "config.yaml")


class BeadsGit:
    """Commits what a fold has written; no hook runs and nothing is signed."""

    def __init__(self, town: Path) -> None:
        self._town = town

    def make_town(self) -> None:
        """Make the town's own repository, which denies everything but its beads and settings."""
        git = Git(self._town, env=identity(author=True))
        if not (self._town / ".git").exists():
            git.call("init", "-q", "-b", "main")
        ignore = self._town / ".gitignore"
        if not ignore.exists():
            ignore.write_text(_TOWN_IGNORE, encoding="utf-8")

    def make_rig(self, hub: Path, beads: Path) -> None:
        """Make the worktree that holds a rig's beads, on an empty branch of the hub."""
        git = Git(hub, env=identity(author=True))
        if git.commit(f"refs/heads/{BRANCH}") is None:
            tree = git.call("mktree", stdin=b"").out.decode().strip()
            commit = git.text("commit-tree", tree, "-m", "beads of this rig")
            git.call("update-ref", f"refs/heads/{BRANCH}", commit, "")
        if not beads.exists():
            git.call("worktree", "add", "-q", "--lock", "--", str(beads), BRANCH)

    def commit(self, name: str) -> None:
        """Commit the bead files of a rig, or of the town (empty name), if they have changed."""
        place = self._town / name / ".beads" if name else self._town
        if not (place / ".git").exists():
            return
        git = Git(
            place,
            env=identity(author=True),
            config=[("core.hooksPath", "/dev/null"), ("commit.gpgSign", "false")],
        )
        folder = "" if name else ".beads/"
        extra = [] if name else ["town.toml", ".gitignore"]
        files = [*(folder + file for file in _FILES), *extra]
        there = [file for file in files if (place / file).exists()]
        git.call("add", "-f", "--", *there)
        if not git.succeeds("diff", "--cached", "--quiet", "--", *there):
            git.call("commit", "-q", "--no-verify", "-m", "beads", "--", *there)
