"""One change on two bases: what really changed between them, and whether anything did.

The old change is carried over to the new base as a tree, without a commit and without touching a
worktree: a three-way merge in an index of its own, whose objects are thrown away. What then differs
from the new tip is what its author did, not what the target brought.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from gastown_tui.adapters.git.diff import LIMIT_BYTES, DiffText, tree_diff
from gastown_tui.adapters.git.names import check_sha
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.status import common_dir, git_dir_of
from gastown_tui.domain.errors import NotFound

Ends = tuple[str, str]
"""Base and tip of a change: commit ids."""
_MERGED_MOST: Final = 300
"""Files that both sides changed; of more the old change's own version is taken."""
_REGULAR: Final = frozenset({"100644", "100755"})


class _Entry(NamedTuple):
    mode: str
    blob: str


def diff_since(hub: Path, old: Ends, new: Ends, *, limit_bytes: int = LIMIT_BYTES) -> DiffText:
    """Return what the change `new` has that the change `old` had not.

    Where both the target and the old change had edited the same lines, the file is compared with
    the old change's own version.

    Raises:
        NotFound: the old one is no longer there.
    """
    _must_be_there(hub, old)
    with _aside(hub) as git:
        tree, _ = _carried(git, old, check_sha(new[0]))
        return tree_diff(git, tree, check_sha(new[1]), limit_bytes=limit_bytes)


def is_same_change(hub: Path, old: Ends, new: Ends) -> bool:
    """Return whether the old change, put on the new base without a conflict, is the new one."""
    try:
        _must_be_there(hub, old)
    except NotFound:
        return False
    with _aside(hub) as git:
        tree, is_clean = _carried(git, old, check_sha(new[0]))
        return is_clean and tree == git.text("rev-parse", f"{check_sha(new[1])}^{{tree}}")


def _must_be_there(hub: Path, ends: Ends) -> None:
    git = Git(hub)
    for commit in ends:
        if git.commit(check_sha(commit)) is None:
            raise NotFound(f"{commit[:12]} is no longer there", hint="look at the whole change")


@contextmanager
def _aside(hub: Path) -> Iterator[Git]:
    """Git whose index and new objects lie in a folder that is thrown away."""
    objects = common_dir(git_dir_of(hub)).absolute() / "objects"
    with tempfile.TemporaryDirectory(prefix="gastown-") as folder:
        yield Git(hub, env={
            "GIT_INDEX_FILE": str(Path(folder) / "index"),
            "GIT_OBJECT_DIRECTORY": folder,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(objects),
        })  # fmt: skip


def _carried(git: Git, old: Ends, base: str) -> tuple[str, bool]:
    """The tree of a change put on another base, and whether that went without a conflict."""
    if old[0] == base:
        return git.text("rev-parse", f"{old[1]}^{{tree}}"), True
    git.call("read-tree", "-i", "-m", "--aggressive", old[0], base, old[1])
    lines: list[bytes] = []
    is_clean = True
    for number, (path, stages) in enumerate(_unmerged(git).items()):
        entry, fits = _merged(git, stages) if number < _MERGED_MOST else (stages.get(3), False)
        is_clean = is_clean and fits
        nothing = "0" * len(next(iter(stages.values())).blob)
        lines.append(f"0 {nothing}\t".encode() + path)
        if entry is not None:
            lines.append(f"{entry.mode} {entry.blob} 0\t".encode() + path)
    if lines:
        git.call("update-index", "-z", "--index-info", stdin=b"".join(one + b"\0" for one in lines))
    return git.text("write-tree"), is_clean


def _unmerged(git: Git) -> dict[bytes, dict[int, _Entry]]:
    """Paths that the merge of whole files left open; stage 1 is the base, 3 the old change."""
    found: dict[bytes, dict[int, _Entry]] = {}
    for record in git.call("ls-files", "-z", "--unmerged").out.split(b"\0"):
        if record:
            about, _, path = record.partition(b"\t")
            mode, blob, stage = about.decode().split()
            found.setdefault(path, {})[int(stage)] = _Entry(mode, blob)
    return found


def _merged(git: Git, stages: dict[int, _Entry]) -> tuple[_Entry | None, bool]:
    """One file merged; where it does not merge, the old change's own version and False."""
    mine = stages.get(3)
    if len(stages) < 3 or any(entry.mode not in _REGULAR for entry in stages.values()):
        return mine, False
    base, theirs = stages[1], stages[2]
    assert mine is not None
    with tempfile.TemporaryDirectory(prefix="gastown-") as folder:
        files = []
        for name, entry in (("theirs", theirs), ("base", base), ("mine", mine)):
            file = Path(folder) / name
            file.write_bytes(git.call("cat-file", "blob", entry.blob).out)
            files.append(str(file))
        # 0: merged, 1 to 127: that many conflicts, 255: binary.
        result = git.call("merge-file", "-p", "-q", "--", *files, ok=None)
    if result.code != 0:
        return mine, False
    blob = git.call("hash-object", "-w", "--stdin", stdin=result.out).out.decode().strip()
    mode = theirs.mode if mine.mode == base.mode else mine.mode
    return _Entry(mode, blob), True
