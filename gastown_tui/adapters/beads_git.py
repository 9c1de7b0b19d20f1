"""Carries bead files in git: the town's in the town's own repository, a rig's on a local branch."""

from __future__ import annotations

import shlex
from pathlib import Path

from gastown_tui.adapters.git.hub import identity
from gastown_tui.adapters.git.run import Git

BRANCH = "gastown/beads"
"""Of a rig's hub; local, never pushed unless somebody says so."""
_TOWN_IGNORE = "*\n!.gitignore\n!town.toml\n!.beads\n!.beads/issues.jsonl\n!.beads/config.yaml\n"
_FILES = ("issues.jsonl", "config.yaml")
_DRIVER = "gastown-beads"
_ATTRIBUTES = "gastown-attributes"
"""In the repository's own folder, and of a rig in that of the one worktree that holds its beads."""


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
        self._set_up_merging(self._town, "")

    def make_rig(self, hub: Path, beads: Path) -> None:
        """Make the worktree that holds a rig's beads, on an empty branch of the hub."""
        git = Git(hub, env=identity(author=True))
        if git.commit(f"refs/heads/{BRANCH}") is None:
            tree = git.call("mktree", stdin=b"").out.decode().strip()
            commit = git.text("commit-tree", tree, "-m", "beads of this rig")
            git.call("update-ref", f"refs/heads/{BRANCH}", commit, "")
        if not beads.exists():
            git.call("worktree", "add", "-q", "--lock", "--", str(beads), BRANCH)
        self._set_up_merging(beads, beads.parent.name)

    def _set_up_merging(self, place: Path, name: str) -> None:
        """Let git merge bead files by our command, in this worktree and no other.

        The command is the town's own, so it is set anew when the town has moved.
        """
        command = shlex.quote(str(self._town.resolve() / ".gastown" / "bin" / "gastown"))
        driver = f"{command.replace('%', '%%')} bead merge-driver %O %A %B %P %L"
        file = "/issues.jsonl" if name else "/.beads/issues.jsonl"
        text = f"# {driver}\n{file} merge={_DRIVER}\n"
        attributes = _git_dir(place) / _ATTRIBUTES
        if attributes.exists() and attributes.read_text(encoding="utf-8") == text:
            return
        git = Git(place)
        scope = "--worktree" if name else "--local"
        for key, value in (
            (f"merge.{_DRIVER}.name", "beads, field by field"),
            (f"merge.{_DRIVER}.driver", driver),
            ("core.attributesFile", str(attributes)),
        ):
            git.call("config", scope, "--replace-all", key, value)
        attributes.write_text(text, encoding="utf-8")

    def commit(self, name: str) -> None:
        """Commit the bead files of a rig, or of the town (empty name), if they have changed."""
        place = self._town / name / ".beads" if name else self._town
        if not (place / ".git").exists():
            return
        self._set_up_merging(place, name)
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


def _git_dir(place: Path) -> Path:
    """The folder in which git keeps what is one worktree's own."""
    entry = place / ".git"
    if entry.is_dir():
        return entry.resolve()
    return (place / entry.read_text(encoding="utf-8").removeprefix("gitdir:").strip()).resolve()
