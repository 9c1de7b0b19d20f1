"""A town that was moved: its worktrees and their hub name each other by absolute paths."""

from __future__ import annotations

from pathlib import Path

from gastown_tui.adapters.git.hub import open_hub
from gastown_tui.adapters.git.sandbox import repair_moved


def rejoin(town: Path, rig: str) -> bool:
    """Join a rig's worktrees to its hub again, if one of them points elsewhere.

    Returns:
        Whether anything had to be mended.

    Raises:
        GastownError: there is no hub, or git could not.
    """
    if not parted(town, rig):
        return False
    repair_moved(open_hub(town / rig / "repo"), _worktrees(town, rig))
    return True


def parted(town: Path, rig: str) -> list[Path]:
    """A rig's worktrees that do not name its hub, or that it does not name."""
    hub = town / rig / "repo"
    return [place for place in _worktrees(town, rig) if not _is_joined(place, hub)]


def original(town: Path, rig: str) -> Path | None:
    """The hub elsewhere that a rig's worktrees still belong to: this town was copied, not moved."""
    for place in parted(town, rig):
        own = _own_folder(place)
        if own is None or not own.is_dir() or own.parent.name != "worktrees":
            continue
        if own.parents[2] != town / rig / "repo":
            return own.parents[2]
    return None


def _worktrees(town: Path, rig: str) -> list[Path]:
    places = [
        town / rig / ".beads",
        *(town / rig / "polecats").glob("*"),
        *(town / rig / "refinery").glob("*"),
    ]
    return [place for place in places if (place / ".git").is_file()]


def _is_joined(worktree: Path, hub: Path) -> bool:
    """Whether worktree and hub name each other, as gitrepository-layout(5) says."""
    own = _own_folder(worktree)
    if own is None:
        return False
    try:
        back = (own / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return False
    return own.parent == hub / ".git" / "worktrees" and Path(back) == worktree / ".git"


def _own_folder(worktree: Path) -> Path | None:
    """Where a worktree says that git keeps what is its own."""
    try:
        text = (worktree / ".git").read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return None
    return Path(text.removeprefix("gitdir:").strip())
