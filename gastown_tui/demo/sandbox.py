"""Git in the agent's sandbox: short looks, commits, and a rebase that keeps both sides.

Every function is a part of a turn (see `effects`): it yields the git commands it needs.
"""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gastown_tui.demo.conflict import union
from gastown_tui.demo.effects import Answer, Effect, Pause, Result, Run, run
from gastown_tui.demo.memory import write_whole
from gastown_tui.domain.errors import BadInput, Unavailable

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_REF = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]{0,200}\Z")
_OPTIONS = (
    *("-c", "merge.conflictStyle=diff3"),
    *("-c", "commit.gpgSign=false"),
    *("-c", "rebase.autoStash=false"),
    *("-c", "gc.auto=0"),
    *("-c", "core.quotePath=false"),
)
_REBASES = ("rebase-merge", "rebase-apply")
MAX_ROUNDS = 50
"""Commits of one branch that may conflict in one rebase."""
LOCK_WAIT = 50
"""Looks, 0.2 s apart, for a running git to end before its lock is left alone."""


class Dirs(NamedTuple):
    """Where git keeps this worktree's own files, and those that all worktrees share."""

    own: Path
    common: Path


def check_ref(name: str) -> str:
    """The name, if it can be nothing but a ref.

    Raises:
        BadInput: it could be an option, a range or a path.
    """
    if not _REF.match(name) or ".." in name:
        raise BadInput(f"{name!r} is not the name of a branch")
    return name


class Sandbox:
    """The worktree in which the agent works, on its own branch."""

    def __init__(self, folder: Path, author: str) -> None:
        self.folder = folder
        name = re.sub(r"[^A-Za-z0-9_-]", "", author.rsplit("/", 1)[-1]) or "demo"
        mail = f"{name}@gastown.invalid"
        self._env = (
            ("GIT_AUTHOR_NAME", name),
            ("GIT_AUTHOR_EMAIL", mail),
            ("GIT_COMMITTER_NAME", name),
            ("GIT_COMMITTER_EMAIL", mail),
            ("GIT_EDITOR", "true"),
            ("GIT_SEQUENCE_EDITOR", "true"),
            ("GIT_TERMINAL_PROMPT", "0"),
        )

    def git(self, *args: str, label: str = "") -> Generator[Effect, Answer, Result]:
        """One git command."""
        argv = ("git", *_OPTIONS, *args)
        return (yield from run(Run(argv, label=label, env=self._env)))

    def path(self, name: str) -> Path:
        """A file of the sandbox.

        Raises:
            BadInput: a link on the way leads out of the sandbox.
        """
        path = self.folder / name
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise BadInput(f"{name} lies outside the sandbox")
        return path

    def read(self, name: str) -> str:
        """The text of a file, empty if there is none."""
        try:
            return self.path(name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def write(self, name: str, text: str) -> None:
        """Replaces a file, keeping its mode."""
        path = self.path(name)
        mode = stat.S_IMODE(path.stat().st_mode) if path.exists() else 0o644
        write_whole(path, text, mode)

    def subjects(self, target: str) -> Generator[Effect, Answer, list[str]]:
        """First lines of the commits that the target does not have, the newest first."""
        found = yield from self.git("log", "--format=%s", f"{check_ref(target)}..HEAD", "--")
        if found.code:
            raise Unavailable(f"git cannot compare with {target}", hint=_last(found.output))
        return found.output.splitlines()

    def head(self) -> Generator[Effect, Answer, str]:
        """The commit that is checked out."""
        found = yield from self.git("rev-parse", "HEAD")
        return found.output.strip()

    def contains(self, target: str) -> Generator[Effect, Answer, bool]:
        """Whether the branch stands on the target's tip."""
        found = yield from self.git("merge-base", "--is-ancestor", check_ref(target), "HEAD")
        return found.code == 0

    def commit(self, message: str, paths: Sequence[str]) -> Generator[Effect, Answer, Result]:
        """Commits these paths and nothing else."""
        yield from self.git("add", "--", *paths)
        label = f"git commit -m '{message.splitlines()[0]}'"
        return (yield from self.git("commit", "-m", message, "--", *paths, label=label))

    def rebase(self, target: str) -> Generator[Effect, Answer, list[str]]:
        """Puts the branch on the target.

        Returns:
            The files whose conflicts were settled.

        Raises:
            Unavailable: git refuses, or a conflict is none of lines.
        """
        dirs = yield from self.dirs()
        name = check_ref(target)
        result = yield from self.git("rebase", name, label=f"git rebase {name}")
        settled: list[str] = []
        for _ in range(MAX_ROUNDS):
            if not _rebasing(dirs):
                break
            files = yield from self._conflicts()
            for name in files:
                yield from self._settle(name)
            settled += [name for name in files if name not in settled]
            result = yield from self._continue()
            if result.code and not (yield from self._conflicts()):
                break
        if result.code == 0 and not _rebasing(dirs):
            return settled
        yield from self.leave_rebase(dirs)
        raise Unavailable(f"the rebase on {target} stopped", hint=_last(result.output))

    def _continue(self) -> Generator[Effect, Answer, Result]:
        result = yield from self.git("rebase", "--continue")
        if result.code and not (yield from self._conflicts()):
            staged = yield from self.git("diff", "--cached", "--quiet")
            if staged.code == 0:  # the target has all of this commit already
                return (yield from self.git("rebase", "--skip"))
        return result

    def _conflicts(self) -> Generator[Effect, Answer, list[str]]:
        found = yield from self.git("diff", "--name-only", "--diff-filter=U", "-z")
        return [name for name in found.output.split("\0") if name]

    def _settle(self, name: str) -> Generator[Effect, Answer, None]:
        text = self.read(name)
        if "<<<<<<<" in text:
            self.write(name, union(text))
        elif not self.path(name).exists():
            raise Unavailable(f"{name} was deleted on one side", hint="a person must choose")
        yield from self.git("add", "--", name)

    def leave_rebase(self, dirs: Dirs) -> Generator[Effect, Answer, None]:
        """Gives up a rebase. The branch is as it was before, or as it was to be after.

        One that was killed at its very end has moved the branch and not cleaned up; git can then
        neither continue it nor, at times, abort it.
        """
        if not _rebasing(dirs):
            return
        branch = _rebased_branch(dirs)
        left = yield from self.git("rebase", "--abort")
        if left.code or _rebasing(dirs):
            yield from self.git("rebase", "--quit")
            if branch:
                yield from self.git("checkout", "--force", check_ref(branch))

    def tidy(self, branch: str) -> Generator[Effect, Answer, list[str]]:
        """Removes what a killed git left in this sandbox, once no git runs in it any more.

        Returns:
            The names of the locks that were removed.

        Raises:
            Unavailable: a git still runs in the sandbox after ten seconds.
        """
        dirs = yield from self.dirs()
        locks = [dirs.own / "index.lock", dirs.own / "HEAD.lock"]
        if branch:
            locks.append(dirs.common / "refs" / "heads" / f"{check_ref(branch)}.lock")
        found = [lock for lock in locks if lock.exists()]
        if not found:
            return []
        for _ in range(LOCK_WAIT):
            if not gits_in(self.folder):
                break
            yield Pause(0.2)
        else:
            raise Unavailable("another git still runs in this sandbox", hint="wait for it to end")
        for lock in found:
            lock.unlink(missing_ok=True)
        return [lock.name for lock in found]

    def dirs(self) -> Generator[Effect, Answer, Dirs]:
        """Asks git where its files are.

        Raises:
            Unavailable: the folder is no worktree.
        """
        found = yield from self.git("rev-parse", "--absolute-git-dir", "--git-common-dir")
        lines = found.output.splitlines()
        if found.code or len(lines) != 2:
            raise Unavailable(f"{self.folder} is no git worktree", hint=_last(found.output))
        return Dirs(Path(lines[0]), self.folder / lines[1])

    def leave_begun_rebase(self) -> Generator[Effect, Answer, bool]:
        """Gives up a rebase that a killed git left; whether there was one."""
        dirs = yield from self.dirs()
        begun = _rebasing(dirs)
        yield from self.leave_rebase(dirs)
        return begun


def gits_in(folder: Path) -> list[int]:
    """Process ids of the gits of this user that work in a folder or below it."""
    import psutil  # needed only when a lock was found

    inside = os.path.realpath(folder)
    found = []
    for process in psutil.process_iter(["name", "cwd"]):
        name, cwd = process.info["name"] or "", process.info["cwd"] or ""
        if name.startswith("git") and (cwd == inside or cwd.startswith(inside + os.sep)):
            found.append(process.pid)
    return found


def _rebasing(dirs: Dirs) -> bool:
    return any((dirs.own / name).is_dir() for name in _REBASES)


def _rebased_branch(dirs: Dirs) -> str:
    for name in _REBASES:
        try:
            text = (dirs.own / name / "head-name").read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            continue
        return text.removeprefix("refs/heads/")
    return ""


def _last(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "git said nothing"
