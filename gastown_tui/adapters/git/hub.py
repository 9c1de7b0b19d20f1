"""The hub of a rig: a normal clone that nobody works in, and that all worktrees hang off."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from gastown_tui.adapters.git.names import check_branch, check_source, is_url, shown
from gastown_tui.adapters.git.run import NETWORK_LIMIT, Git, GitFailed
from gastown_tui.domain.errors import BadInput, Conflict, Damaged, NotFound

RECORD = "refs/gastown/target"
"""The last value of the target that the town itself set."""
UPSTREAM = "refs/gastown/upstream"
"""The upstream's tip when the town last looked."""
TOWN_NAME = "Gas Town"
TOWN_EMAIL = "gastown@localhost"
"""Who commits for the town when the caller names nobody."""

_PARTIAL = ".repo.partial-"
_SETTINGS = (
    ("core.logAllRefUpdates", "always"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("extensions.worktreeConfig", "true"),
)
_EXCLUDE = (
    "# added by gastown: files of tools that belong to nobody's commit",
    "**/.claude/settings.local.json",
    "/.beads/redirect",
)


class HubInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A rig's hub, and where its work comes from and goes to."""

    path: Path
    """The clone; detached, clean, read by people and by the mayor."""
    origin: str
    """Address or path of the upstream repository."""
    default: str
    """The upstream's branch that the rig follows, such as ``main``."""
    pushable: bool
    """False when origin is a folder somebody works in: it is only ever read."""
    sparse: tuple[str, ...] = ()
    """Folders that its worktrees have, with the files above them; none = all."""

    @property
    def git_dir(self) -> Path:
        """The repository that all worktrees share."""
        return self.path / ".git"

    @property
    def upstream_ref(self) -> str:
        """Where the upstream's branch was seen last: ``refs/remotes/origin/main``."""
        return f"refs/remotes/origin/{self.default}"

    @property
    def local_ref(self) -> str:
        """Where work lands with ``land = "local"``: ``refs/heads/gastown/main``."""
        return f"refs/heads/gastown/{self.default}"

    @property
    def mirror_ref(self) -> str | None:
        """The plain name people and agents type, kept at the target; None if it cannot exist."""
        return None if self.default == "gastown" else f"refs/heads/{self.default}"

    def target_ref(self, land: str) -> str:
        """The ref a change lands on: the local branch, or the upstream's for any other policy."""
        return self.local_ref if land == "local" else self.upstream_ref


class Extent(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a repository a hub has."""

    is_partial: bool = False
    """Whether the contents of files are fetched only when they are needed."""
    sparse: tuple[str, ...] = ()
    """As in `HubInfo`."""


WHOLE = Extent()


def identity(name: str = TOWN_NAME, email: str = TOWN_EMAIL, *, author: bool) -> dict[str, str]:
    """Return the variables that make `name` the committer, and the author too if asked."""
    env = {"GIT_COMMITTER_NAME": name, "GIT_COMMITTER_EMAIL": email}
    if author:
        env |= {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email}
    return env


def create_hub(
    town: Path,
    rig: str,
    source: str,
    *,
    default_branch: str | None = None,
    reference: Path | None = None,
    extent: Extent = WHOLE,
) -> HubInfo:
    """Clone `source` into ``TOWN/RIG/repo``, detached at the target, ready for worktrees.

    A path that has an upstream of its own gives only its objects: the clone's origin is that
    upstream. A path without one is the origin, and is only read when somebody works in it. Either
    way not one byte of the path or its remote changes.

    Args:
        town: the town's folder.
        rig: the rig's name, one path component.
        source: an address, or a path to a repository.
        default_branch: the branch to follow; None takes the one the upstream's HEAD names.
        reference: a local repository to take objects from, when `source` is an address.
        extent: how much of it.

    Raises:
        BadInput: no such source, an empty repository, no such branch, a bad name.
        Conflict: the rig has a hub already.
        GitFailed: the upstream cannot be reached or read.
    """
    _check_rig(rig)
    check_source(source)
    if default_branch is not None:
        check_branch(default_branch)
    home = town / rig
    final = home / "repo"
    if final.exists():
        raise Conflict(f"{final} exists already")
    origin, lender = (source, reference) if is_url(source) else own_upstream(Path(source))
    home.mkdir(parents=True, exist_ok=True)
    for left in home.glob(f"{_PARTIAL}*"):
        if left.stat().st_mtime < time.time() - 2 * NETWORK_LIMIT:
            shutil.rmtree(left)
    # Made aside and put in place whole: a kill leaves no half hub behind.
    with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=home) as folder:
        partial = Path(folder) / "repo"
        _clone(home, partial, origin, None if extent.is_partial else lender, extent)
        default = _settle(partial, default_branch, origin, extent.sparse)
        try:
            partial.rename(final)
        except OSError:
            raise Conflict(f"{final} exists already") from None
    return HubInfo(
        path=final, origin=origin, default=default, pushable=is_pushable(origin),
        sparse=extent.sparse,
    )  # fmt: skip


def open_hub(path: Path, *, origin: str | None = None) -> HubInfo:
    """Read an existing hub.

    Args:
        path: the clone.
        origin: what its origin must be, as the rig's settings say; None takes what it says itself.

    Raises:
        NotFound: `path` is no hub.
        Damaged: its origin was changed: agents share its configuration.
    """
    if not (path / ".git").is_dir():
        raise NotFound(f"{path} is not a clone", hint="add the rig again, or run `gastown doctor`")
    git = Git(path)
    found = git.text("config", "--get", "remote.origin.url")
    if origin is not None and found != origin:
        raise Damaged(
            f"the origin of {path} was changed to {shown(found)}",
            hint=f"git -C {path} remote set-url origin {shown(origin)}",
        )
    default = _head_of_origin(git)
    if default is None:
        raise NotFound(f"{path} does not know its default branch", hint="run `gastown doctor`")
    return HubInfo(path=path, origin=found, default=default, pushable=is_pushable(found))


def refresh_hub(hub: HubInfo, tip: str) -> bool:
    """Bring the hub's own files to `tip`; False when somebody changed files there: they stay."""
    git = Git(hub.path)
    if git.commit("HEAD") == tip:
        return True
    if git.call("status", "--porcelain", "-z", "-uno").out:
        return False
    return git.call("checkout", "-q", "--detach", tip, ok=None).code == 0


def _check_rig(rig: str) -> None:
    check_branch(rig)
    if "/" in rig:
        raise BadInput(f"{shown(rig)!r} cannot be a rig's name")


def own_upstream(path: Path) -> tuple[str, Path | None]:
    """Return the origin for a repository given by path, and who lends objects.

    A bare repository is an upstream itself, wherever it was once cloned from.
    """
    path = path.expanduser().resolve()
    git = Git(path)
    try:
        common = Path(git.text("rev-parse", "--path-format=absolute", "--git-common-dir"))
        top = git.text("rev-parse", "--path-format=absolute", "--git-dir")
    except GitFailed as error:
        raise BadInput(f"{path} cannot be used: {error.message}") from None
    if Path(top) not in {path, path / ".git"} and not (path / ".git").exists():
        raise BadInput(f"{path} is inside a repository", hint="name the repository's own folder")
    if git.text("rev-parse", "--is-bare-repository") == "true":
        return str(path), None
    names = git.text("remote").split()
    name = "origin" if "origin" in names else names[0] if len(names) == 1 else None
    url = git.text("config", "--get", f"remote.{name}.url") if name else ""
    if not url:
        return str(path), None
    if not is_url(url):
        url = str((path / Path(url).expanduser()).resolve())
    check_source(url)
    lends = not (common / "shallow").exists() and not git.succeeds(
        "config", "--get-regexp", r"remote\..*\.promisor"
    )
    return url, common if lends else None


def _clone(home: Path, into: Path, origin: str, lender: Path | None, extent: Extent) -> None:
    git = Git(home).online().where(limit=NETWORK_LIMIT)
    options = ["--no-local", "--no-checkout", "--origin", "origin", "--no-recurse-submodules"]
    if extent.is_partial:  # without a lender: what it has would be fetched anew when it is let go
        options.append("--filter=blob:none")
    borrow = [] if lender is None else ["--reference-if-able", str(lender), "--dissociate"]
    git.call("clone", "-q", *options, *borrow, "--", origin, str(into))


def _settle(path: Path, wanted: str | None, origin: str, sparse: tuple[str, ...]) -> str:
    """Make a fresh clone a hub: default branch, target, detached files; return the default."""
    git = Git(path, env=identity(author=True))
    refs = git.text("for-each-ref", "--format=%(refname)", "refs/remotes/origin").splitlines()
    branches = [ref.removeprefix("refs/remotes/origin/") for ref in refs]
    branches = [name for name in branches if name != "HEAD"]
    if not branches:
        raise BadInput(f"{shown(origin)} has no commit yet", hint="make a first commit there")
    default = wanted or _head_of_origin(git) or _likely(branches)
    if default is None or default not in branches:
        what = f"no branch {shown(wanted)}" if wanted else "no default branch"
        raise BadInput(f"{shown(origin)} has {what}", hint=f"it has {_few(branches)}")
    check_branch(default)
    for key, value in _SETTINGS:
        git.call("config", "--replace-all", key, value)
    upstream = f"refs/remotes/origin/{default}"
    git.call("symbolic-ref", "refs/remotes/origin/HEAD", upstream)
    tip = git.text("rev-parse", "--verify", upstream)
    # The clone's HEAD names the branch it made: leave it before that branch is moved or goes.
    git.call("update-ref", "--no-deref", "HEAD", tip)
    local = git.text("for-each-ref", "--format=%(refname)", "refs/heads").splitlines()
    orders = [f"delete {ref}" for ref in local]
    git.call("update-ref", "--stdin", stdin="\n".join([*orders, ""]).encode())
    fresh = [f"create refs/heads/gastown/{default} {tip}"]
    fresh += [f"create {RECORD} {tip}", f"create {UPSTREAM} {tip}"]
    if default != "gastown":
        fresh.append(f"create refs/heads/{default} {tip}")
    git.call(
        "update-ref", "-m", "gastown: rig added", "--stdin", stdin="\n".join([*fresh, ""]).encode()
    )
    exclude = path / ".git" / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    with exclude.open("a", encoding="utf-8") as file:
        file.write("\n".join(["", *_EXCLUDE, ""]))
    if sparse:
        leave_out(git, path / ".git", sparse_rules(sparse, has_beads=False))
    git.where(limit=NETWORK_LIMIT).call("reset", "-q", "--hard", tip)
    return default


def leave_out(git: Git, own: Path, rules: str) -> None:
    """Have git leave files out of one worktree from its next look at its commit on.

    Args:
        git: in the worktree.
        own: its own git folder.
        rules: the text of its `sparse-checkout`.
    """
    file = own / "info" / "sparse-checkout"
    file.parent.mkdir(exist_ok=True)
    file.write_text(rules, encoding="utf-8")
    git.call("config", "--worktree", "core.sparseCheckout", "true")
    git.call("config", "--worktree", "core.sparseCheckoutCone", "false")


def sparse_rules(folders: Sequence[str], *, has_beads: bool) -> str:
    """The text of `sparse-checkout`: these folders with all files above them, or everything."""
    lines = ["/*"]
    if folders:
        lines.append("!/*/")
    for folder in folders:
        above = ""
        for part in folder.strip("/").split("/")[:-1]:
            above += f"/{part}"
            lines += [one for one in (f"{above}/", f"!{above}/*/") if one not in lines]
    lines += [f"/{folder.strip('/')}/" for folder in folders]
    if has_beads:
        lines.append("!/.beads/")
    return "".join(f"{line}\n" for line in lines)


def _head_of_origin(git: Git) -> str | None:
    found = git.call("symbolic-ref", "-q", "refs/remotes/origin/HEAD", ok=(0, 1, 128))
    name = found.out.decode("utf-8", "surrogateescape").strip()
    return name.removeprefix("refs/remotes/origin/") or None if found.code == 0 else None


def _likely(branches: list[str]) -> str | None:
    for name in ("main", "master", "trunk"):
        if name in branches:
            return name
    return branches[0] if len(branches) == 1 else None


def _few(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(shown(name) for name in names[:5]) + more


def is_pushable(origin: str) -> bool:
    """Whether origin may take a push: an address, or a bare repository on this machine."""
    if is_url(origin) and not origin.startswith("file://"):
        return True
    path = Path(origin.removeprefix("file://"))
    with contextlib.suppress(GitFailed):
        return Git(path).text("rev-parse", "--is-bare-repository") == "true"
    return True
