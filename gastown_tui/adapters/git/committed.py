"""What a branch's own commits hold that a person should see before it goes anywhere.

A file that was committed and taken away again is still in the history that lands, so every commit
counts, not only the difference from beginning to end.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final, NamedTuple

from gastown_tui.adapters.git.leftovers import (
    BIGGEST,
    LOCAL_SETTINGS,
    LeftOut,
    is_in,
    tool_folder,
)
from gastown_tui.adapters.git.names import check_sha, shown
from gastown_tui.adapters.git.run import Git
from gastown_tui.domain.secrets import is_public, secret_name, secrets_in

MOST: Final = 50
"""Findings that are told."""
_READ_MOST: Final = 64 * 1024 * 1024
"""Bytes of files that are read for secrets; what is beyond is said to be unread."""
_AT_ONCE: Final = 400
"""Files that git is asked for in one call."""
_REGULAR: Final = frozenset({b"100644", b"100755"})


class _Put(NamedTuple):
    """A content that one commit gave a path."""

    path: str
    blob: str
    commit: str
    is_new: bool


def worth_a_look(git: Git, base: str, tip: str) -> tuple[LeftOut, ...]:
    """Return what looks like a secret, is large, or was installed, in the commits of a branch.

    Args:
        git: in the hub or any worktree.
        base: where the branch begins.
        tip: its last commit.

    Raises:
        GitFailed: one of them is not there.
    """
    puts = _puts(git, check_sha(base), check_sha(tip))
    sizes = _sizes(git, list({put.blob for put in puts}))
    folders = {tool_folder(put.path) for put in puts if put.is_new} - {""}
    made = {folder for folder in folders if not is_in(git, base, folder)}
    found: dict[str, str] = {}
    to_read: list[_Put] = []
    for put in puts:
        folder = tool_folder(put.path)
        if folder in made:
            found.setdefault(f"{folder}/", f"made by a tool, in {put.commit[:10]}")
        elif put.path == LOCAL_SETTINGS or put.path.endswith(f"/{LOCAL_SETTINGS}"):
            found.setdefault(put.path, f"Claude's local settings, in {put.commit[:10]}")
        elif sizes.get(put.blob, 0) > BIGGEST:
            found.setdefault(put.path, f"over 5 MB, in {put.commit[:10]}")
        else:
            to_read.append(put)
    found |= _secrets(git, base, to_read, sizes)
    told = [LeftOut(path=shown(path), why=why) for path, why in found.items()]
    if told[MOST:]:
        told = [*told[:MOST], LeftOut(path=f"{len(told) - MOST} more files", why="and so on")]
    return tuple(told)


def _puts(git: Git, base: str, tip: str) -> list[_Put]:
    """Every content that a commit of the branch brought, the oldest first."""
    out = git.call(
        "log", "--reverse", "--no-merges", "--format=%x00%H", "--raw", "-z", "--no-renames",
        "--abbrev=40", "--diff-filter=AMT", f"{base}..{tip}", "--",
    ).out  # fmt: skip
    fields = iter(out.split(b"\0"))
    puts, commit = [], ""
    for field in fields:
        about = field.lstrip(b"\n")
        if about.startswith(b":"):
            _, mode, _, blob, kind = about.split(b" ")
            path = next(fields, b"").decode("utf-8", "surrogateescape")
            if mode in _REGULAR:
                puts.append(_Put(path, blob.decode(), commit, kind == b"A"))
        elif about:
            commit = about.decode("ascii", "replace").strip()
    return puts


def _sizes(git: Git, blobs: list[str]) -> dict[str, int]:
    if not blobs:
        return {}
    asked = "".join(f"{blob}\n" for blob in blobs).encode()
    out = git.call("cat-file", "--batch-check=%(objectname) %(objectsize)", stdin=asked).out
    rows = (line.split() for line in out.decode("ascii", "replace").splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}


def _secrets(git: Git, base: str, puts: list[_Put], sizes: dict[str, int]) -> dict[str, str]:
    found: dict[str, str] = {}
    room = _READ_MOST
    for start in range(0, len(puts), _AT_ONCE):
        some = []
        for put in puts[start : start + _AT_ONCE]:
            room -= sizes.get(put.blob, 0)
            if room < 0:
                found.setdefault("some files", "not looked at: too much at once")
                break
            some.append(put)
        contents = _contents(git, list({put.blob for put in some}))
        for put in some:
            why = _why(git, base, put, contents.get(put.blob, b""))
            if why:
                found.setdefault(put.path, f"{why}, in {put.commit[:10]}")
        if room < 0 or len(found) >= MOST:
            break
    return found


def _why(git: Git, base: str, put: _Put, content: bytes) -> str:
    secrets = secrets_in(content)
    if secrets:
        known = git.call("cat-file", "blob", f"{base}:{put.path}", ok=None)
        marks = {one.mark for one in secrets_in(known.out)} if known.code == 0 else set()
        secrets = tuple(one for one in secrets if one.mark not in marks)
    if secrets:
        return f"line {secrets[0].line} looks like {secrets[0].kind}"
    is_named = put.is_new and secret_name(PurePosixPath(put.path).name)
    return "has the name of a secret" if is_named and not is_public(content) else ""


def _contents(git: Git, blobs: list[str]) -> dict[str, bytes]:
    """Files by their ids, as `git cat-file --batch` prints them: a header, the bytes, a newline."""
    if not blobs:
        return {}
    out = git.call("cat-file", "--batch", stdin="".join(f"{one}\n" for one in blobs).encode()).out
    found, at = {}, 0
    while at < len(out):
        end = out.index(b"\n", at)
        head = out[at:end].split(b" ")
        if len(head) != 3:  # missing: nothing follows
            at = end + 1
            continue
        size = int(head[2])
        found[head[0].decode()] = out[end + 1 : end + 1 + size]
        at = end + 1 + size + 1
    return found
