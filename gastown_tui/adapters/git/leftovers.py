"""What an agent left uncommitted, made a commit of its own: nothing lost, nothing leaked."""

from __future__ import annotations

import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.hub import identity
from gastown_tui.adapters.git.names import shown
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.status import Change, branch_in, changes, git_dir_of, operation_in
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.secrets import is_public, secret_name, secrets_in

BIGGEST = 5 * 1024 * 1024
"""Bytes of a file that the town still commits."""
LOCAL_SETTINGS = ".claude/settings.local.json"
_TOOLS = frozenset(
    {"node_modules", "bower_components", ".venv", "venv", "__pycache__", ".tox", ".nox",
     ".mypy_cache", ".pytest_cache", ".ruff_cache", ".gradle", ".terraform", ".direnv", ".cache"}
)  # fmt: skip
"""Folders that package managers and tools make; nobody writes what is in them."""
_MADE = "made by a tool"
_PUT = "put there by set-up"
_TOLD = 50
"""Files left out that are told one by one."""


class LeftOut(msgspec.Struct, frozen=True, kw_only=True):
    """A file that was not committed; it stays where it is."""

    path: str
    """Fit for a line of text."""
    why: str


class Leftovers(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a worktree's uncommitted changes."""

    commit: str | None
    """The commit on the branch; None when there was nothing to commit."""
    paths: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    """What was not committed, for a person: a tool's folder as one, and not without end."""
    stays: tuple[str, ...] = ()
    """Their paths, each, as git names them, without what set-up put there."""
    held: str = ""
    """Why nothing was committed although there are changes: they stay in the files."""


def commit_leftovers(
    path: Path, name: str, email: str, *, exclude: Iterable[str] = ()
) -> Leftovers:
    """Commit a worktree's changes on its branch as "left by NAME"; no hook runs.

    Left out, and said: what set-up put there, Claude's local settings, files over 5 MB, nested
    repositories, folders of package managers, and what looks like a secret. Ignored files do not
    count at all. In the middle of a rebase or merge, or on no branch, everything stays as it is.

    Args:
        path: the worktree; its session's processes are gone.
        name: the agent's name, also the commit's author.
        email: the author's address.
        exclude: paths, relative to the worktree, that set-up put there; a folder covers its files.

    Raises:
        Conflict: the branch moved meanwhile, or git holds its index.
        GitFailed: git could not.
    """
    own = git_dir_of(path)
    git = Git(path, env={**identity(author=False), **_author(name, email)})
    found = {item.path: item for item in changes(git, whole=True)}
    if not found:
        return Leftovers(commit=None)
    branch, operation = branch_in(own), operation_in(own)
    if operation not in (None, "bisect") or branch is None:
        return Leftovers(
            commit=None, held=f"{operation} under way" if operation else "on no branch"
        )
    if (own / "index.lock").exists():
        raise Conflict(f"{path} has an index.lock", hint="git is at work there, or was killed")
    put = tuple(entry.strip("/") for entry in exclude)
    reasons = _reasons(git, found, put)
    left_out = _told(reasons)
    taken = [name for name in found if name not in reasons]
    commit = _commit(git, branch, taken, f"left by {shown(name)}") if taken else None
    return Leftovers(
        commit=commit,
        paths=tuple(shown(name) for name in taken) if commit else (),
        left_out=left_out,
        stays=tuple(name for name, why in reasons.items() if why not in {_PUT, "vanished"}),
    )


def tool_folder(path: str) -> str:
    """Return the folder of a package manager or tool that a path lies in; empty if in none."""
    parts = path.split("/")[:-1]
    at = next((number for number, part in enumerate(parts) if part in _TOOLS), -1)
    return "/".join(parts[: at + 1]) if at >= 0 else ""


def _told(reasons: dict[str, str]) -> tuple[LeftOut, ...]:
    """What was left out, a tool's folder as one, and not without end."""
    folded: dict[str, str] = {}
    for path, why in reasons.items():
        folder = tool_folder(path) if why == _MADE else ""
        folded.setdefault(f"{folder}/" if folder else path, why)
    told = [LeftOut(path=shown(path), why=why) for path, why in folded.items()]
    if len(told) > _TOLD:
        told = [*told[:_TOLD], LeftOut(path=f"{len(told) - _TOLD} more", why="and so on")]
    return tuple(told)


def _author(name: str, email: str) -> dict[str, str]:
    return {"GIT_AUTHOR_NAME": shown(name), "GIT_AUTHOR_EMAIL": shown(email)}


def _commit(git: Git, branch: str, taken: list[str], message: str) -> str | None:
    head = git.text("rev-parse", "--verify", "HEAD")
    names = "".join(f"{name}\0" for name in taken).encode("utf-8", "surrogateescape")
    with tempfile.TemporaryDirectory(prefix="gastown-") as folder:
        # An index of our own: a kill at any point leaves the agent's as it was.
        env = {"GIT_INDEX_FILE": str(Path(folder) / "index"), "GIT_LITERAL_PATHSPECS": "1"}
        aside = git.where(env=env)
        aside.call("read-tree", head)
        aside.call(
            "add", "--all", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul", stdin=names
        )
        tree = aside.text("write-tree")
    if tree == git.text("rev-parse", "--verify", f"{head}^{{tree}}"):
        return None
    commit = git.text("commit-tree", tree, "-p", head, "-m", message)
    ref = f"refs/heads/{branch}"
    moved = git.call("update-ref", "-m", f"commit: {message}", ref, commit, head, ok=None)
    if moved.code != 0:
        raise Conflict(f"{shown(branch)} moved while its leftovers were committed")
    # What was committed is no change any more; what was left out becomes an unstaged one.
    git.call("read-tree", "--reset", "HEAD")
    git.where(env={"GIT_OPTIONAL_LOCKS": "1"}).call("update-index", "-q", "--refresh", ok=(0, 1))
    return commit


def _reasons(git: Git, found: dict[str, Change], put: tuple[str, ...]) -> dict[str, str]:
    """Return why each path that must not be committed by the town is left out."""
    ignored = _ignored(git, found)
    made = _made_by_tools(git, found)
    reasons = {}
    for path, item in found.items():
        why = "ignored" if path in ignored else _bad_path(item, put)
        why = why or (_MADE if tool_folder(path) in made else _bad_content(git, item))
        if why:
            reasons[path] = why
    return reasons


def _made_by_tools(git: Git, found: dict[str, Change]) -> set[str]:
    """Return folders of tools of which the repository itself holds nothing."""
    folders = {tool_folder(path) for path, item in found.items() if item.new} - {""}
    return {one for one in folders if not is_in(git, "HEAD", one)}


def is_in(git: Git, commit: str, path: str) -> bool:
    """Return whether a commit holds a file or folder."""
    return git.call("cat-file", "-e", f"{commit}:{path}", ok=None).code == 0


def _ignored(git: Git, found: dict[str, Change]) -> set[str]:
    """Return the paths that are ignored and not in HEAD: added against the rules, by force."""
    with tempfile.TemporaryDirectory(prefix="gastown-") as folder:
        aside = git.where(env={"GIT_INDEX_FILE": str(Path(folder) / "index")})
        aside.call("read-tree", "HEAD")
        names = "".join(f"{name}\0" for name in found).encode("utf-8", "surrogateescape")
        out = aside.call("check-ignore", "-z", "--stdin", stdin=names, ok=(0, 1)).out
    return {name.decode("utf-8", "surrogateescape") for name in out.split(b"\0") if name}


def _bad_path(item: Change, put: tuple[str, ...]) -> str:
    if any(item.path == entry or item.path.startswith(f"{entry}/") for entry in put if entry):
        return _PUT
    if item.path == LOCAL_SETTINGS or item.path.endswith(f"/{LOCAL_SETTINGS}"):
        return "Claude's local settings"
    if item.path.endswith("/"):
        return "a repository of its own"
    if item.path == ".beads" or item.path.startswith(".beads/"):
        return "beads are not part of a change"
    return {"unmerged": "has conflicts", "vanished": "staged, then deleted"}.get(item.kind, "")


def _is_stored_apart(git: Git, path: str) -> bool:
    """Whether a file is git-lfs's: what is committed is a pointer to it."""
    name = f"{path}\0".encode("utf-8", "surrogateescape")
    out = git.call("check-attr", "-z", "--stdin", "filter", stdin=name).out
    return out.split(b"\0")[2:3] == [b"lfs"]


def _bad_content(git: Git, item: Change) -> str:
    if item.kind == "deleted" or item.submodule:
        return ""
    is_named = item.new and secret_name(Path(item.path).name)
    where = git.path / item.path
    about = where.lstat()
    if stat.S_ISLNK(about.st_mode):
        return "has the name of a secret" if is_named else ""
    if about.st_size > BIGGEST:
        return "" if _is_stored_apart(git, item.path) else "over 5 MB"
    content = where.read_bytes()
    found = secrets_in(content)
    if found and not item.new:
        # What the repository has already is no news.
        known = git.call("cat-file", "blob", f"HEAD:{item.path}", ok=None)
        marks = {one.mark for one in secrets_in(known.out)}
        found = tuple(one for one in found if one.mark not in marks)
    if found:
        return f"line {found[0].line} looks like {found[0].kind}"
    return "has the name of a secret" if is_named and not is_public(content) else ""
