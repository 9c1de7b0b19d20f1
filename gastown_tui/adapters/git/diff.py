"""Diffs for the review: plain unified text, no program of the repository's run to make it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.names import check_sha, shown
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.status import common_dir, git_dir_of

LIMIT_BYTES = 8_000_000
"""Bytes of diff text taken when the caller names no limit."""

_PLAIN = ("--find-renames", "--no-ext-diff", "--no-textconv", "--no-color")
_TEXT = ("-p", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short")
_STATUS = {"A": "added", "D": "deleted", "M": "modified", "R": "renamed", "C": "copied",
           "T": "type", "U": "unmerged"}  # fmt: skip


class DiffFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a diff; names are fit for a line of text."""

    path: str
    old_path: str | None
    """Where it was before a rename, else None."""
    status: str
    """``added``, ``deleted``, ``modified``, ``renamed``, ``copied``, ``type`` or ``unmerged``."""
    added: int
    deleted: int
    """Lines; both 0 for a binary file."""
    binary: bool


class DiffText(msgspec.Struct, frozen=True, kw_only=True):
    """A diff as text and by file; the list is whole even where the text was cut."""

    text: str
    """Unified, with git's headers; bytes that are no UTF-8 are replaced."""
    files: tuple[DiffFile, ...]
    cut: bool
    """Whether the text ends before the diff does (at the end of a line)."""

    @property
    def added(self) -> int:
        """Lines added in all files."""
        return sum(file.added for file in self.files)

    @property
    def deleted(self) -> int:
        """Lines deleted in all files."""
        return sum(file.deleted for file in self.files)


def diff_text(path: Path, base: str, tip: str, *, limit_bytes: int = LIMIT_BYTES) -> DiffText:
    """Return the difference between two commits.

    Args:
        path: the hub or any worktree.
        base: the older commit.
        tip: the newer one.
        limit_bytes: how much text to take.

    Raises:
        GitFailed: one of them is not there.
    """
    ends = (check_sha(base), check_sha(tip))
    return _diff(Git(path), ("diff-tree", "-r", "--root"), ends, limit_bytes)


def tree_diff(git: Git, old: str, new: str, *, limit_bytes: int = LIMIT_BYTES) -> DiffText:
    """Return the difference between two trees or commits, found by a `Git` with its own objects.

    Raises:
        GitFailed: one of them is not there.
    """
    return _diff(git, ("diff-tree", "-r"), (check_sha(old), check_sha(new)), limit_bytes)


def sandbox_diff(path: Path, base: str, *, limit_bytes: int = LIMIT_BYTES) -> DiffText:
    """Return all that a worktree has over `base`: commits, changes, and untracked files.

    The worktree's index is neither read under a lock nor written: a copy of it is used, and no
    object is added to the repository.

    Raises:
        GitFailed: the base is not there.
    """
    check_sha(base)
    index = git_dir_of(path) / "index"
    with tempfile.TemporaryDirectory(prefix="gastown-") as folder:
        copy = Path(folder) / "index"
        if index.exists():
            shutil.copyfile(index, copy)
        objects = common_dir(git_dir_of(path)).absolute() / "objects"
        aside = {
            "GIT_INDEX_FILE": str(copy),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        }
        git = Git(path, env=aside)
        found = git.call("ls-files", "-z", "--others", "--exclude-standard").out
        # A repository inside ends with a slash: it is nobody's change to this one.
        names = b"".join(n + b"\0" for n in found.split(b"\0") if n and not n.endswith(b"/"))
        if names:
            git.where(env={"GIT_LITERAL_PATHSPECS": "1"}).call(
                "add", "--intent-to-add", "--pathspec-from-file=-", "--pathspec-file-nul",
                stdin=names,
            )  # fmt: skip
        return _diff(git, ("diff", "--ita-visible-in-index"), (base, "--"), limit_bytes)


def _diff(git: Git, verb: Sequence[str], ends: Sequence[str], limit_bytes: int) -> DiffText:
    numbers = git.call(*verb, *_PLAIN, "--raw", "--numstat", "-z", "--abbrev=40", *ends).out
    text = git.call(*verb, *_PLAIN, *_TEXT, *ends, most=limit_bytes)
    out = text.out[: text.out.rfind(b"\n") + 1] if text.cut else text.out
    return DiffText(text=out.decode("utf-8", "replace"), files=_files(numbers), cut=text.cut)


def _files(out: bytes) -> tuple[DiffFile, ...]:
    """Read ``--raw --numstat -z``: all raw records first, then a count for each, in order."""
    fields = iter(out.split(b"\0"))
    kinds: dict[bytes, tuple[str, bytes | None]] = {}
    files = []
    for field in fields:
        if field.startswith(b":"):
            letter = chr(field.rsplit(b" ", 1)[1][0])
            old = next(fields) if letter in "RC" else None
            kinds[next(fields)] = (_STATUS.get(letter, "modified"), old)
        elif field.count(b"\t") >= 2:
            plus, minus, path = field.split(b"\t", 2)
            if not path:
                next(fields)
                path = next(fields)
            status, before = kinds.get(path, ("modified", None))
            files.append(
                DiffFile(
                    path=shown(path),
                    old_path=None if before is None else shown(before),
                    status=status,
                    added=0 if plus == b"-" else int(plus),
                    deleted=0 if minus == b"-" else int(minus),
                    binary=plus == b"-",
                )
            )
    return tuple(files)
