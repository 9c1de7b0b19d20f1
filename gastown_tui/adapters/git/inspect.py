"""Looks a repository over before it becomes a rig: nothing in it is written, no hook is run."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from gastown_tui.adapters.agents.machine import allowed_in, servers_in
from gastown_tui.adapters.beads_adopt import prefix_in
from gastown_tui.adapters.git.hub import is_pushable, own_upstream
from gastown_tui.adapters.git.names import check_branch, check_source, is_url, shown
from gastown_tui.adapters.git.run import NETWORK_LIMIT, Git, GitFailed
from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.repository import RepositoryFacts, telling
from gastown_tui.domain.setup_rules import READ, setup_facts

_TEXT: Final = 400_000
"""Bytes of a file of the project's that are read."""
_IGNORED: Final = 100_000
"""Names of ignored files and folders that are looked at."""
_HOOK_FILES: Final = {
    ".husky": ".husky",
    ".pre-commit-config.yaml": ".pre-commit-config.yaml",
    "lefthook.yml": "lefthook.yml",
    ".lefthook.yml": ".lefthook.yml",
    ".githooks": ".githooks",
    ".overcommit.yml": ".overcommit.yml",
}
_LFS: Final = "filter=lfs"
_LFS_HOOKS: Final = frozenset({"post-checkout", "post-commit", "post-merge", "pre-push"})
"""Hooks that `git lfs install` puts into a repository."""
_BEADS: Final = ".beads/issues.jsonl"
_INCLUDE: Final = ".worktreeinclude"


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """Where to look: a repository and a commit in it."""

    git_dir: Path
    """A checkout, a hub, or a bare repository."""
    origin: str
    default: str
    tip: str
    source: Path | None = None
    """The person's checkout, whose ignored files may be copied."""
    is_pushable: bool = True


@contextlib.contextmanager
def opened(source: str) -> Iterator[Looked]:
    """Where to look for a URL or a path, as the clone would see it.

    Of a path its own last knowledge of the upstream is looked at; of an address the newest commit
    is fetched into a temporary folder, without files as far as the server can leave them out.

    Raises:
        BadInput: no such source, or no commit in it.
        GitFailed: the upstream cannot be reached.
    """
    check_source(source)
    if not is_url(source):
        yield _of_path(Path(source).expanduser().resolve())
        return
    with tempfile.TemporaryDirectory(prefix="gastown-look-") as folder:
        git = Git(Path(folder)).online().where(limit=NETWORK_LIMIT)
        options = ["--bare", "--depth=1", "--filter=blob:none", "--no-tags", "--single-branch"]
        git.call("clone", "-q", *options, "--", source, f"{folder}/look")
        look = Git(Path(folder) / "look")
        default = look.text("symbolic-ref", "--short", "HEAD")
        yield Looked(
            git_dir=look.path, origin=source, default=check_branch(default),
            tip=_commit(look, "HEAD", source), is_pushable=is_pushable(source),
        )  # fmt: skip


def _of_path(path: Path) -> Looked:
    origin, _ = own_upstream(path)
    git = Git(path)
    pushable = is_pushable(origin)
    remote = "" if origin == str(path) else _remote_of(git)
    if not remote:
        head = git.call("symbolic-ref", "-q", "--short", "HEAD", ok=(0, 1)).out.decode().strip()
        tip = _commit(git, "HEAD", str(path))
        default = head or "HEAD"
    else:
        default, tip = _followed(git, remote, str(path))
    return Looked(
        git_dir=path, origin=origin, default=default, tip=tip,
        source=path if has_files(path) else None, is_pushable=pushable,
    )  # fmt: skip


def has_files(path: Path) -> bool:
    """Whether a repository is somebody's checkout and not bare."""
    return Git(path).text("rev-parse", "--is-bare-repository") == "false"


def _remote_of(git: Git) -> str:
    names = git.text("remote").split()
    return "origin" if "origin" in names else names[0] if len(names) == 1 else ""


def _followed(git: Git, remote: str, where: str) -> tuple[str, str]:
    """The upstream's default branch as the checkout knows it, and its tip."""
    head = git.call("symbolic-ref", "-q", f"refs/remotes/{remote}/HEAD", ok=(0, 1, 128))
    prefix = f"refs/remotes/{remote}/"
    named = head.out.decode("utf-8", "replace").strip().removeprefix(prefix)
    for name in (named, "main", "master", "trunk"):
        tip = git.commit(f"{prefix}{name}") if name else None
        if tip:
            return name, tip
    return "the default branch", _commit(git, "HEAD", where)


def _commit(git: Git, name: str, where: str) -> str:
    found = git.commit(name)
    if found is None:
        raise BadInput(f"{shown(where)} has no commit yet", hint="make a first commit there")
    return found


def look(at: Looked) -> RepositoryFacts:
    """What is found in a repository.

    Raises:
        GitFailed: it cannot be read.
    """
    git = Git(at.git_dir)
    if _is_partial(git):
        git = git.online()  # what is read is fetched then
    names, tree = _tree(git, at.tip)
    top = {name.split("/", 1)[0] for name in names}
    ignored, collapsed = _ignored(at.source) if at.source else ({}, [])
    texts: dict[str, str] = {name: _text(git, at.tip, name) for name in READ if name in top}
    included = _included(at.source, ignored) if at.source and _INCLUDE in top else []
    setup = setup_facts(
        names, texts, ignored, included,
        is_venv_ignored=bool(at.source) and _is_ignored(at.source, ".venv/"),
    )  # fmt: skip
    claude = sorted({"CLAUDE.md", "AGENTS.md"} & top)
    claude += sorted(
        {"/".join(name.split("/")[:2]) for name in names if name.startswith(".claude/")}
    )
    here = Git(at.source) if at.source else git
    return RepositoryFacts(
        origin=shown(at.origin),
        default=at.default,
        tip=at.tip,
        source=str(at.source or ""),
        files=len(names),
        tree_bytes=tree,
        object_bytes=_objects(git),
        setup=setup,
        not_copied=sorted(telling([*collapsed, *ignored], setup.secrets)),
        submodules=_submodules(git, at.tip) if ".gitmodules" in top else [],
        has_lfs=_has_lfs(git, at.tip, names),
        hooks=_hooks(here, top, at.source),
        own_hooks=_own_hooks(at.source) if at.source else [],
        is_signed=_is_true(here, "commit.gpgsign"),
        mcp=servers_in(_bytes(git, at.tip, ".mcp.json")) if ".mcp.json" in top else [],
        rules=allowed_in(_bytes(git, at.tip, ".claude/settings.json")) if ".claude" in top else [],
        claude=claude,
        beads=sum(name.startswith(".beads/") for name in names),
        beads_prefix=prefix_in(_bytes(git, at.tip, _BEADS)) if _BEADS in names else "",
        is_shallow=git.text("rev-parse", "--is-shallow-repository") == "true" and bool(at.source),
        is_sparse=bool(at.source) and _is_true(here, "core.sparseCheckout"),
        is_pushable=at.is_pushable,
    )


def _tree(git: Git, tip: str) -> tuple[list[str], int | None]:
    """Paths of all files of a commit, and their bytes unless they would have to be fetched."""
    is_partial = _is_partial(git)
    long = [] if is_partial else ["-l"]
    out = git.call("ls-tree", "-r", "-z", "--full-tree", *long, tip).out
    names, total = [], 0
    for line in out.split(b"\0"):
        head, tab, name = line.partition(b"\t")
        if not tab:
            continue
        names.append(name.decode("utf-8", "surrogateescape"))
        size = head.split()[-1]
        total += int(size) if size.isdigit() and not is_partial else 0
    return names, None if is_partial else total


def _is_partial(git: Git) -> bool:
    """Whether what is not here is fetched when it is looked at; newer gits mark the remote only."""
    keys = ("extensions.partialclone", "remote.origin.promisor")
    return any(_setting(git, key) for key in keys)


def _objects(git: Git) -> int | None:
    """Bytes of the objects; unknown where most are still at the server."""
    if _is_partial(git):
        return None
    found = dict(
        line.split(": ", 1) for line in git.text("count-objects", "-v").splitlines() if ": " in line
    )
    return 1024 * (int(found.get("size", "0")) + int(found.get("size-pack", "0")))


def _ignored(source: Path) -> tuple[dict[str, int], list[str]]:
    """Ignored files of a checkout with their sizes, and ignored folders as a whole."""
    top = Path(Git(source).text("rev-parse", "--show-toplevel"))
    listed = Git(top).call(
        "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"
    )
    files: dict[str, int] = {}
    folders: list[str] = []
    for raw in listed.out.split(b"\0")[:_IGNORED]:
        name = raw.decode("utf-8", "surrogateescape")
        if not name:
            continue
        if name.endswith("/"):
            folders.append(shown(name))
            continue
        with contextlib.suppress(OSError):
            files[name] = (top / name).lstat().st_size
    return files, folders


def _included(source: Path, ignored: dict[str, int]) -> list[str]:
    """Ignored files that the checkout's `.worktreeinclude` (patterns as in .gitignore) names."""
    try:
        listed = Git(source).call(
            "ls-files", "-z", "--others", "--ignored", f"--exclude-from={source / _INCLUDE}"
        )
    except GitFailed:
        return []  # tracked, but not in this checkout
    names = {part.decode("utf-8", "surrogateescape") for part in listed.out.split(b"\0") if part}
    return sorted(names & set(ignored) | {one for one in names if _is_ignored(source, one)})


def _is_ignored(source: Path | None, name: str) -> bool:
    return source is not None and Git(source).call(
        "check-ignore", "-q", "--", name, ok=(0, 1, 128)
    ).code == 0  # fmt: skip


def _submodules(git: Git, tip: str) -> list[str]:
    found = git.call(
        "config", "--blob", f"{tip}:.gitmodules", "--get-regexp", r"^submodule\..*\.path$",
        ok=(0, 1, 128),
    )  # fmt: skip
    lines = found.out.decode("utf-8", "replace").splitlines()
    return [shown(line.split(" ", 1)[1]) for line in lines if " " in line]


def _has_lfs(git: Git, tip: str, names: list[str]) -> bool:
    files = [name for name in names if name.rsplit("/", 1)[-1] == ".gitattributes"][:20]
    return any(_LFS in _text(git, tip, name) for name in files)


def _hooks(git: Git, top: set[str], source: Path | None) -> list[str]:
    found = [text for name, text in _HOOK_FILES.items() if name in top]
    path = _setting(git, "core.hooksPath") if source else ""
    if path and path.split("/")[0] not in found:
        found.append(f"core.hooksPath = {shown(path)}")
    return found


def _own_hooks(source: Path) -> list[str]:
    """Hooks that somebody put into a checkout's own folder, samples and those of LFS apart."""
    common = Path(Git(source).text("rev-parse", "--path-format=absolute", "--git-common-dir"))
    found = []
    with contextlib.suppress(OSError):
        for path in sorted((common / "hooks").iterdir()):
            if path.suffix == ".sample" or not os.access(path, os.X_OK) or not path.is_file():
                continue
            if path.name in _LFS_HOOKS and b"git lfs" in path.read_bytes()[:_TEXT]:
                continue
            found.append(shown(path.name))
    return found


def _setting(git: Git, key: str, *kind: str) -> str:
    """What is configured there, our own calls' settings (`-c`) apart; empty when nothing is."""
    listed = git.call("config", *kind, "--show-scope", "-z", "--get-all", key, ok=(0, 1, 128))
    parts = listed.out.decode("utf-8", "replace").split("\0")
    values = [
        value for scope, value in zip(parts[::2], parts[1::2], strict=False) if scope != "command"
    ]
    return values[-1] if values else ""


def _is_true(git: Git, key: str) -> bool:
    return _setting(git, key, "--type=bool") == "true"


def _bytes(git: Git, tip: str, name: str) -> bytes:
    """A file of the commit; empty when there is none, or a link."""
    entry = git.call("ls-tree", "-z", "--full-tree", tip, "--", name).out
    if not re.match(rb"100(?:644|755) blob ", entry):
        return b""
    return git.call("cat-file", "blob", f"{tip}:{name}", most=_TEXT).out


def _text(git: Git, tip: str, name: str) -> str:
    return _bytes(git, tip, name).decode("utf-8", "replace")
