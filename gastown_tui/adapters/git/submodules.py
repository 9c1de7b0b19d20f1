"""Submodules of a rig's worktrees: filled, kept, and sent ahead of the commits that name them.

Git gives every worktree submodules of its own, so a commit made in one of a sandbox is lost with
the sandbox, and no gate can check it out, unless somebody has pushed it. The hub therefore holds a
bare mirror of each submodule's repository (``.git/gastown-modules/``): worktrees are filled from
it, and what agents commit is taken into it at the hand-in, below ``refs/gastown/kept/``.
"""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.names import check_sha, check_source, shown
from gastown_tui.adapters.git.run import NETWORK_LIMIT, Git, GitFailed, last_words
from gastown_tui.adapters.git.status import KEPT, common_dir, git_dir_of
from gastown_tui.domain.errors import BadInput, Conflict

_MIRRORS = "gastown-modules"
_DEEPEST = 5
"""Submodules in submodules that are filled."""
_BROUGHT = {"GIT_PROTOCOL_FROM_USER": "0"}
"""For an address that a repository brings along: git allows what the person's settings say."""
_OWN = ("protocol.file.allow", "always")
"""For our own mirror, whose path we made."""
_LINK = "160000"
"""The mode of a submodule in a tree."""


class Submodule(msgspec.Struct, frozen=True, kw_only=True):
    """One submodule, and the commit that is recorded for it."""

    name: str
    path: str
    url: str
    commit: str


def fill(worktree: Path) -> None:
    """Bring every submodule of a worktree to the commit recorded; what is in its way goes.

    Raises:
        GitFailed: a repository cannot be had.
        Conflict: one does not have the commit.
    """
    _fill(worktree, common_dir(git_dir_of(worktree)), _DEEPEST)


def keep(worktree: Path, base: str, tip: str) -> None:
    """Take the commits that a change names in its submodules into the hub.

    Args:
        worktree: in which they were made.
        base: the commit before the change.
        tip: its last commit.

    Raises:
        Conflict: one is nowhere to be had.
        GitFailed: git could not.
    """
    hub = common_dir(git_dir_of(worktree))
    git = Git(worktree)
    known = {one.path: one for one in _listed(git)}
    for path, commit in _named(git, [f"{base}..{tip}"]):
        if path not in known:
            continue  # taken away again
        one = msgspec.structs.replace(known[path], commit=commit)
        inside = Git(worktree / path, config=[_OWN]).where(limit=NETWORK_LIMIT)
        with _mirror(hub, one) as mirror:
            if not _is_held(mirror, commit) and _is_there(inside, commit):
                inside.call(
                    "push", "-q", "--no-verify", "--", str(mirror.path), f"{commit}:{KEPT}{commit}"
                )
            _bring(mirror, one)
        if _is_there(inside, commit):
            inside.call("update-ref", f"{KEPT}{commit}", commit)


def send(hub: Path, new: str) -> list[str]:
    """Push the submodule commits that the remote of `new` does not know, each to where it belongs.

    They go to a branch of their own, ``gastown/SHA``: what becomes of them there is for those who
    keep the submodule.

    Args:
        hub: the clone.
        new: the commit that will be pushed after them.

    Returns:
        A line for each that was pushed.

    Raises:
        GitFailed: one was not taken, in the remote's words.
    """
    git = Git(hub)
    known = {one.path: one for one in _listed(git, new)}
    told = []
    for path, commit in _named(git, [new, "--not", "--remotes"]):
        if path not in known:
            continue
        one = msgspec.structs.replace(known[path], commit=commit)
        with _mirror(hub / ".git", one) as mirror:
            _bring(mirror, one)
            if _is_published(mirror, commit):
                continue
            _fetch(mirror, one)
            if not _is_published(mirror, commit):
                told.append(_push(mirror, one))
    return told


def _fill(worktree: Path, hub: Path, depth: int) -> None:
    if depth == 0 or not (worktree / ".gitmodules").is_file():
        return
    git = Git(worktree).where(limit=NETWORK_LIMIT)
    for one in _listed(git):
        inside = worktree / one.path
        with _mirror(hub, one) as mirror:
            _bring(mirror, one)
            if (inside / ".git").exists() and not _is_held(Git(inside), one.commit):
                _copy_refs(Git(inside, config=[_OWN]), mirror)
            there = [(f"submodule.{one.name}.url", str(mirror.path)), _OWN]
            git.call("submodule", "-q", "init", "--", one.path)
            git.where(config=there).call(
                "submodule", "-q", "update", "--force", "--checkout", "--", one.path
            )
        own = Git(inside)
        own.call("config", "remote.origin.url", one.url)
        own.call("reset", "-q", "--hard")
        own.call("clean", "-q", "-ffd")
        _fill(inside, hub, depth - 1)


def _listed(git: Git, commit: str = "") -> list[Submodule]:
    """The submodules of the index, or of a commit, that git's settings do not leave out.

    Raises:
        Conflict: one has an address that cannot be used.
    """
    entries = dict(_links(git, commit))
    if not entries:
        return []
    of = ["--blob", f"{commit}:.gitmodules"] if commit else ["--file", ".gitmodules"]
    out = git.call(
        "config", *of, "-z", "--get-regexp", r"^submodule\..*\.(path|url|update)$", ok=(0, 1)
    )
    said: dict[str, dict[str, str]] = {}
    for record in out.out.decode("utf-8", "surrogateescape").split("\0"):
        key, _, value = record.partition("\n")
        name, _, what = key.removeprefix("submodule.").rpartition(".")
        said.setdefault(name, {})[what] = value
    found = []
    for name, about in said.items():
        commit_there = entries.get(about.get("path", ""))
        if commit_there is None or not about.get("url") or _is_left_out(git, name, about):
            continue
        if "=" in name:
            raise Conflict(f"the submodule {shown(name)} has a name that cannot be used")
        url = _address(git, name, about["url"])
        found.append(Submodule(name=name, path=about["path"], url=url, commit=commit_there))
    return found


def _is_left_out(git: Git, name: str, about: dict[str, str]) -> bool:
    """Whether the repository, or the person in the hub's settings, does without it."""
    own = git.call("config", "--get", f"submodule.{name}.update", ok=(0, 1)).out.decode().strip()
    return (own or about.get("update")) == "none"


def _links(git: Git, commit: str) -> Iterator[tuple[str, str]]:
    """Path and commit of every submodule in a tree, or in the index."""
    if commit:
        out = git.call("ls-tree", "-r", "-z", commit).out
    else:
        out = git.call("ls-files", "-s", "-z").out
    for entry in out.split(b"\0"):
        if entry.startswith(_LINK.encode()):
            about, _, path = entry.decode("utf-8", "surrogateescape").partition("\t")
            yield path, check_sha(about.split()[2 if commit else 1])


def _named(git: Git, revisions: list[str]) -> list[tuple[str, str]]:
    """Every (path, commit) that commits of a range give to a submodule."""
    out = git.text(
        "log", "--raw", "--no-abbrev", "--no-renames", "-z", "--format=", *revisions, "--"
    )
    found: dict[tuple[str, str], None] = {}
    fields = iter(out.split("\0"))
    for about in fields:
        if about.startswith(":"):
            _, mode, _, commit, _ = about.split(" ")
            path = next(fields, "")
            if mode == _LINK:
                found[path, check_sha(commit)] = None
    return list(found)


def _address(git: Git, name: str, url: str) -> str:
    """What the person's own settings say, else `.gitmodules`; relative to origin where it is so."""
    own = git.call("config", "--get", f"submodule.{name}.url", ok=(0, 1)).out.decode()
    url = own.strip() or url
    if url.startswith(("./", "../")):
        base = git.text("config", "--get", "remote.origin.url").rstrip("/")
        for part in url.split("/"):
            if part == "..":
                base = base[: max(base.rfind("/"), base.rfind(":"))]
            elif part != ".":
                base = f"{base}/{part}"
        url = base
    try:
        return check_source(url)
    except BadInput as error:
        raise Conflict(f"the submodule {shown(name)}: {error}") from error


@contextlib.contextmanager
def _mirror(hub: Path, one: Submodule) -> Iterator[Git]:
    """The hub's copy of a submodule's repository, held alone; made if it is not there."""
    folder = hub / _MIRRORS
    folder.mkdir(exist_ok=True, mode=0o700)
    place = folder / f"{sha256(one.url.encode('utf-8', 'surrogateescape')).hexdigest()[:24]}.git"
    with place.with_suffix(".lock").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        git = Git(place).where(limit=NETWORK_LIMIT)
        if not (place / "gastown-ready").exists():
            Git(folder).call("init", "-q", "--bare", "--template=", "--", str(place))
            git.call("config", "uploadpack.allowAnySHA1InWant", "true")
            _fetch(git, one)
            (place / "gastown-ready").touch()
        yield git


def _fetch(mirror: Git, one: Submodule) -> None:
    mirror.online().where(env=_BROUGHT).call(
        "fetch", "-q", "--prune", "--no-write-fetch-head", "--no-tags", "--", one.url,
        "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*",
    )  # fmt: skip


def _bring(mirror: Git, one: Submodule) -> None:
    """Have the recorded commit in the mirror, below a ref.

    Raises:
        Conflict: the submodule's repository does not have it.
    """
    if _is_held(mirror, one.commit):
        return
    _fetch(mirror, one)
    if _is_held(mirror, one.commit):
        return
    ref = f"{KEPT}{one.commit}"
    found = mirror.online().where(env=_BROUGHT).call(
        "fetch", "-q", "--no-write-fetch-head", "--no-tags", "--", one.url, f"{one.commit}:{ref}",
        ok=None,
    )  # fmt: skip
    if found.code != 0:
        raise Conflict(
            f"{shown(one.path)} is recorded at {one.commit[:12]}, which {shown(one.url)} does not"
            " have",
            hint="push it there, or do without it in the hub:"
            f" git config submodule.{shown(one.name)}.update none",
        )


def _copy_refs(inside: Git, mirror: Git) -> None:
    inside.where(limit=NETWORK_LIMIT).call(
        "fetch", "-q", "--no-write-fetch-head", "--no-tags", "--", str(mirror.path),
        "+refs/heads/*:refs/remotes/origin/*", f"+{KEPT}*:{KEPT}*",
    )  # fmt: skip


def _is_there(git: Git, commit: str) -> bool:
    return git.call("cat-file", "-e", f"{commit}^{{commit}}", ok=None).code == 0


def _is_held(git: Git, commit: str) -> bool:
    """Whether a ref holds a commit, so that git finds it and nothing prunes it."""
    return _reaches(git, commit, ("--all",))


def _is_published(mirror: Git, commit: str) -> bool:
    """Whether a branch or tag of the submodule's repository holds a commit."""
    return _reaches(mirror, commit, ("--branches", "--tags"))


def _reaches(git: Git, commit: str, refs: Iterable[str]) -> bool:
    found = git.call("rev-list", "--max-count=1", commit, "--not", *refs, ok=None)
    return found.code == 0 and not found.out


def _push(mirror: Git, one: Submodule) -> str:
    branch = f"gastown/{one.commit[:12]}"
    done = mirror.online().where(env=_BROUGHT).call(
        "push", "-q", "--no-verify", "--", one.url, f"{one.commit}:refs/heads/{branch}", ok=None
    )  # fmt: skip
    if done.code != 0:
        raise GitFailed(
            f"the submodule {shown(one.path)} could not be pushed: {last_words(done.err)}",
            hint=f"push {one.commit[:12]} to {shown(one.url)}",
            code=done.code,
            err=done.err,
        )
    return f"{one.commit[:12]} of {shown(one.path)} is on {branch} of {shown(one.url)}"
