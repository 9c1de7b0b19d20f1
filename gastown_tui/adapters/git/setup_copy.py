"""Ignored files that a worktree needs, such as `.env`, copied from the person's own repository.

The worktree's tree was written by agents, so no part of a path in it is followed when it is a
link: every folder is opened by itself, relative to the one above it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from gastown_tui.adapters.git.names import shown
from gastown_tui.adapters.git.run import Git, GitFailed
from gastown_tui.adapters.git.status import common_dir, git_dir_of
from gastown_tui.domain.errors import Conflict
from gastown_tui.domain.workplaces import SetUp

_RECORD = "gastown-setup"
"""In the worktree's own git folder: a JSON list of what was put into the worktree."""
_DONE = "gastown-setup-done"
"""Beside it: a digest of what the worktree was last set up with."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_ignored(
    source: Path, globs: Sequence[str], worktree: Path, links: Sequence[str] = ()
) -> tuple[str, ...]:
    """Copy the ignored files of `source` that match into a worktree; their paths.

    What the worktree tracks stays as it is. A link is copied as one, if it leads to a place below
    `source`; another is left out. What `links` match is linked to, a whole folder where all of
    it is ignored.

    Args:
        source: the repository that the rig was added from.
        globs: git's own, from the top of the repository; a folder means all that is in it.
        worktree: where to.
        links: globs of the same kind.

    Raises:
        Conflict: there is no such repository any more, or a file cannot be copied.
    """
    try:
        top = Path(Git(source).text("rev-parse", "--show-toplevel"))
        found = _ignored(top, globs) if globs else []
        linked = _ignored(top, links, "--directory") if links else []
    except (GitFailed, OSError) as error:
        raise Conflict(
            f"[setup] copy, link: {source} is no repository with files: {error}",
            hint="mend `source` in rig.toml",
        ) from error
    tracked = _listed(Git(worktree), "--cached")
    copied = tuple(name for name in found if name not in tracked and name not in linked)
    linked = [name for name in linked if name not in tracked]
    own = git_dir_of(worktree)
    # Recorded first: what is there half only is not taken for the agent's work either.
    known = {*put_there(worktree), *copied, *linked}
    (own / _RECORD).write_bytes(msgspec.json.encode(sorted(known)))
    with _folder(str(top)) as above, _folder(str(worktree)) as below:
        for name in copied:
            try:
                _copy(above, below, PurePosixPath(name))
            except OSError as error:
                raise Conflict(f"[setup] copy: {shown(name)}: {error.strerror}") from error
        for name in linked:
            try:
                _link(top, below, PurePosixPath(name))
            except OSError as error:
                raise Conflict(f"[setup] link: {shown(name)}: {error.strerror}") from error
    _hide(worktree, own, [*copied, *linked])
    return (*copied, *linked)


def how_set_up(
    worktree: Path, folder: str, inputs: Sequence[str], commands: Sequence[str]
) -> SetUp:
    """How far a worktree is set up.

    Args:
        worktree: of the hub.
        folder: what `inputs` are relative to; empty for its top.
        inputs: globs of tracked files; none = it is set up every time.
        commands: what set-up does besides.
    """
    record = git_dir_of(worktree) / _DONE
    if not inputs:
        return SetUp(record=str(record))
    base = f"{folder.strip('/')}/" if folder else ""
    patterns = [f":(top,glob){base}{one}" for one in inputs]
    listed = Git(worktree).call("ls-files", "-s", "-z", "--", *patterns).out
    if not listed:  # nothing is named by them: then nothing is known of what it depends on
        return SetUp(record=str(record))
    digest = hashlib.sha256("\0".join([folder, *commands]).encode("utf-8", "surrogatepass"))
    digest.update(listed)
    try:
        done = record.read_text("ascii", "replace")
    except FileNotFoundError:
        done = ""
    found = digest.hexdigest()
    return SetUp(record=str(record), digest=found, is_done=done == found)


def put_there(worktree: Path) -> tuple[str, ...]:
    """The paths that were copied or linked into a worktree, relative to it."""
    try:
        text = (git_dir_of(worktree) / _RECORD).read_bytes()
        return tuple(msgspec.json.decode(text, type=list[str]))
    except (FileNotFoundError, msgspec.DecodeError):
        return ()


def _ignored(top: Path, globs: Sequence[str], *options: str) -> list[str]:
    patterns = [f":(top,glob){one}" for one in globs]
    wanted = ("--others", "--ignored", "--exclude-standard", *options)
    found = _listed(Git(top), *wanted, "--", *patterns)
    if options:  # whole folders end with a slash
        found = {name.rstrip("/") for name in found}
    # A nested repository ends with a slash; a name that is no UTF-8 cannot be recorded.
    return sorted(name for name in found if not name.endswith("/") and _is_text(name))


def _listed(git: Git, *arguments: str) -> set[str]:
    out = git.call("ls-files", "-z", *arguments).out
    return {part.decode("utf-8", "surrogateescape") for part in out.split(b"\0") if part}


def _is_text(name: str) -> bool:
    return not any(0xD800 <= ord(c) < 0xE000 for c in name)


@contextlib.contextmanager
def _folder(name: str, below: int | None = None) -> Iterator[int]:
    """A descriptor of a folder that is no link."""
    number = os.open(name, _FOLDER, dir_fd=below)
    try:
        yield number
    finally:
        os.close(number)


def _link(top: Path, below: int, path: PurePosixPath) -> None:
    """Put a link to `path` below `top` into a worktree; what else stands there stays."""
    target = str(top / path)
    with contextlib.ExitStack() as stack:
        for part in path.parts[:-1]:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o777, dir_fd=below)
            below = stack.enter_context(_folder(part, below))
        with contextlib.suppress(FileNotFoundError, OSError):
            if os.readlink(path.name, dir_fd=below) == target:
                return
        os.symlink(target, path.name, dir_fd=below)


def _copy(above: int, below: int, path: PurePosixPath) -> None:
    with contextlib.ExitStack() as stack:
        for part in path.parts[:-1]:
            above = stack.enter_context(_folder(part, above))
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, 0o777, dir_fd=below)
            below = stack.enter_context(_folder(part, below))
        found = os.stat(path.name, dir_fd=above, follow_symlinks=False)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path.name, dir_fd=below)
        if stat.S_ISLNK(found.st_mode):
            target = os.readlink(path.name, dir_fd=above)
            if _stays_inside(path, target):
                os.symlink(target, path.name, dir_fd=below)
        elif stat.S_ISREG(found.st_mode):
            _copy_file(above, below, path.name, found.st_mode & 0o777)


def _stays_inside(path: PurePosixPath, target: str) -> bool:
    """Whether a link at `path` leads, as it is written, to a place in the same tree."""
    depth = len(path.parts) - 1
    if target.startswith("/"):
        return False
    for part in target.split("/"):
        depth += -1 if part == ".." else part not in {"", "."}
        if depth < 0:
            return False
    return True


def _copy_file(above: int, below: int, name: str, mode: int) -> None:
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    reader = os.open(name, os.O_RDONLY | os.O_NONBLOCK | flags, dir_fd=above)
    with os.fdopen(reader, "rb") as source:
        writer = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags, mode, dir_fd=below)
        with os.fdopen(writer, "wb") as copy:
            shutil.copyfileobj(source, copy)
            os.fchmod(copy.fileno(), mode)


def _hide(worktree: Path, own: Path, copied: Sequence[str]) -> None:
    """Have git ignore here too what is ignored by the person's own settings only."""
    names = "".join(f"{name}\0" for name in copied).encode()
    if not names:
        return
    out = Git(worktree).call("check-ignore", "-z", "--stdin", stdin=names, ok=(0, 1)).out
    ignored = set(out.decode().split("\0"))
    seen = [name for name in copied if name not in ignored and "\n" not in name]
    if not seen:
        return
    exclude = common_dir(own) / "info" / "exclude"
    exclude.parent.mkdir(exist_ok=True)
    with exclude.open("a", encoding="utf-8") as file:
        file.writelines(f"\n/{_escaped(name)}\n" for name in seen)


def _escaped(name: str) -> str:
    """A path as a pattern that means it alone."""
    text = "".join(f"\\{c}" if c in "\\*?[" else c for c in name)
    return f"{text[:-1]}\\ " if text.endswith(" ") else text
