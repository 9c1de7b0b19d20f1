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
    hub = town / rig / "repo"
    places = [
        town / rig / ".beads",
        *(town / rig / "polecats").glob("*"),
        *(town / rig / "refinery").glob("*"),
    ]
    worktrees = [place for place in places if (place / ".git").is_file()]
    if all(_is_joined(place, hub) for place in worktrees):
        return False
    repair_moved(open_hub(hub), worktrees)
    return True


def _is_joined(worktree: Path, hub: Path) -> bool:
    """Whether worktree and hub name each other, as gitrepository-layout(5) says."""
    try:
        text = (worktree / ".git").read_text(encoding="utf-8", errors="surrogateescape")
        own = Path(text.removeprefix("gitdir:").strip())
        back = (own / "gitdir").read_text(encoding="utf-8", errors="surrogateescape").strip()
    except OSError:
        return False
    return own.parent == hub / ".git" / "worktrees" and Path(back) == worktree / ".git"
