"""One call of git: no prompt, no caller's ``GIT_*``, a time limit, and one line when it fails."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from gastown_tui.adapters.git.names import shown
from gastown_tui.domain.errors import Unavailable

LIMIT = 60.0
"""Seconds an ordinary call may take."""
NETWORK_LIMIT = 600.0
"""Seconds a clone, fetch or push may take."""
SILENCE = 30
"""Seconds for which a server over HTTP may send nothing."""
OLDEST = (2, 34)
"""The oldest git whose worktrees, pathspec files and reference hooks are all there."""

_GRACE = 2.0
_CHUNK = 1 << 16
_KEEP = frozenset({"GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "GIT_SSL_NO_VERIFY", "GIT_EXEC_PATH"})
"""Variables of the caller that say how to reach a server or where git is, not what to do."""
_CALM = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("commit.gpgSign", "false"),
    ("tag.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("push.followTags", "false"),
    ("push.recurseSubmodules", "no"),
    ("fetch.recurseSubmodules", "no"),
    ("submodule.recurse", "false"),
    ("rebase.autoStash", "false"),
    ("rebase.autoSquash", "false"),
    ("rebase.updateRefs", "false"),
    ("rebase.rebaseMerges", "false"),
    ("rerere.enabled", "false"),
    ("merge.ff", "true"),
    ("merge.verifySignatures", "false"),
    ("worktree.guessRemote", "false"),
    ("checkout.guess", "false"),
    ("diff.noprefix", "false"),
    ("diff.mnemonicPrefix", "false"),
    ("core.quotePath", "false"),
    ("protocol.ext.allow", "never"),
    ("advice.detachedHead", "false"),
    ("color.ui", "false"),
)
"""Settings of a user that would change what an unattended call does, or stop it."""
_NOISE = re.compile(r"^(hint:|warning:|Cloning into|done\.?$|remote: *$)")
_BLAME = re.compile(r"^(?:fatal|error|ssh): *(.+)$")


class GitFailed(Unavailable):
    """Git refused or could not; the message carries its last meaningful line."""

    def __init__(self, message: str, *, hint: str = "", code: int = 1, err: str = "") -> None:
        super().__init__(message, hint=hint)
        self.code = code
        """Its exit status; negative when a signal ended it."""
        self.err = err
        """All it wrote on its standard error."""


class GitTimeout(GitFailed):
    """Git did not end within its time limit and was ended."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one call gave."""

    code: int
    out: bytes
    err: str
    cut: bool = False
    """Whether output was cut at the caller's limit (git was then ended)."""


def last_words(err: str) -> str:
    """Return git's last meaningful line: what it blames, else the last line that is no hint."""
    lines = [line.strip() for line in err.replace("\r", "\n").splitlines()]
    blamed = [found[1] for line in lines if (found := _BLAME.match(line))]
    generic = (
        "Could not read from remote",
        "failed to push some refs",
        "failed to write commit object",
        "could not apply",
    )
    telling = [line for line in blamed if not line.startswith(generic)]
    other = [line for line in lines if line and not _NOISE.match(line)]
    for pool in (telling, other, blamed):
        if pool:
            return shown(pool[-1])[:300]
    return "git said nothing"


def base_env(extra: Mapping[str, str] = {}) -> dict[str, str]:
    """Return the variables of an unattended call: nothing asks, nothing is optional."""
    env = {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "SSH_ASKPASS_REQUIRE": "never",
        "GCM_INTERACTIVE": "never",
        "GIT_SSH_COMMAND": "ssh -o BatchMode=yes",
        "GIT_EDITOR": ":",
        "GIT_SEQUENCE_EDITOR": ":",
        "GIT_PAGER": "cat",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "LANGUAGE": "C",
    }
    env.update(extra)
    return env


def foreign(env: Mapping[str, str]) -> list[str]:
    """Return the names of git's variables in `env` that a call of ours must not see."""
    return sorted(name for name in env if name.startswith("GIT_") and name not in _KEEP)


class Git:
    """A folder to run git in, with settings and variables for each call; cheap and short-lived."""

    def __init__(
        self,
        path: Path,
        *,
        env: Mapping[str, str] = {},
        config: Sequence[tuple[str, str]] = (),
        limit: float = LIMIT,
    ) -> None:
        self.path = path
        self._env = dict(env)
        self._config = tuple(config)
        self._limit = limit

    def where(
        self,
        *,
        env: Mapping[str, str] = {},
        config: Sequence[tuple[str, str]] = (),
        limit: float | None = None,
    ) -> Git:
        """Return the same folder with more variables, settings, or another time limit."""
        return Git(
            self.path,
            env={**self._env, **env},
            config=(*self._config, *config),
            limit=self._limit if limit is None else limit,
        )

    def online(self) -> Git:
        """Return the same folder for calls to a remote: the user's ssh command, never asking."""
        command = os.environ.get("GIT_SSH_COMMAND", "")
        if not command:
            found = self.call("config", "--get", "core.sshCommand", ok=(0, 1))
            command = found.out.decode("utf-8", "surrogateescape").strip() or "ssh"
        program = command.split()[0].rsplit("/", 1)[-1].strip("'\"")
        if program in {"ssh", "ssh.exe"}:
            command += " -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15"
        return self.where(
            env={"GIT_SSH_COMMAND": command},
            config=(("http.lowSpeedLimit", "1"), ("http.lowSpeedTime", f"{SILENCE:g}")),
            limit=NETWORK_LIMIT,
        )

    def call(
        self,
        *args: str,
        stdin: bytes = b"",
        ok: Sequence[int] | None = (0,),
        most: int | None = None,
    ) -> Result:
        """Run one command.

        Args:
            args: the command and its arguments; names in it are already checked.
            stdin: what it reads.
            ok: exit codes that are no failure; None takes any.
            most: bytes of output to take before git is ended.

        Raises:
            GitFailed: another exit code, or no git.
            GitTimeout: it took longer than the limit.
        """
        # Said twice: GitPython falls back to our own folder when this one has just gone.
        command = ["git", "-C", str(self.path.absolute())]
        for key, value in (*_CALM, *self._config):
            command += ["-c", f"{key}={value}"]
        drop = foreign(os.environ)
        unset = [part for name in drop for part in ("-u", name)]
        env = base_env(self._env)
        prefix = ["env", *unset, *(f"{k}={v}" for k, v in env.items())] if drop else []
        result = self._run([*prefix, *command, *args], env, stdin, most)
        if ok is not None and result.code not in ok and not result.cut:
            raise GitFailed(
                f"git {args[0]}: {last_words(result.err)}", code=result.code, err=result.err
            )
        return result

    def text(self, *args: str, stdin: bytes = b"") -> str:
        """Run one command and return its output as text, without the last newline."""
        out = self.call(*args, stdin=stdin).out
        return out.decode("utf-8", "surrogateescape").removesuffix("\n")

    def succeeds(self, *args: str) -> bool:
        """Run a question: exit code 0 is yes, 1 is no, anything else an error."""
        return self.call(*args, ok=(0, 1)).code == 0

    def commit(self, name: str) -> str | None:
        """Return the commit that a ref or object name stands for, or None."""
        found = self.call(
            "rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}", ok=(0, 1, 128)
        )
        return found.out.decode().strip() or None if found.code == 0 else None

    def _run(
        self, command: list[str], env: Mapping[str, str], stdin: bytes, most: int | None
    ) -> Result:
        with contextlib.ExitStack() as stack:
            feed: BinaryIO | None = None
            if stdin:
                feed = cast("BinaryIO", stack.enter_context(tempfile.TemporaryFile()))
                feed.write(stdin)
                feed.seek(0)
            process = _start(self.path, command, env, feed)
            try:
                return _collect(process, time.monotonic() + self._limit, most)
            except TimeoutError:
                raise GitTimeout(
                    f"git took longer than {self._limit:g} s and was ended", code=-signal.SIGTERM
                ) from None
            finally:
                _end(process)


def _start(
    path: Path, command: list[str], env: Mapping[str, str], feed: BinaryIO | None
) -> subprocess.Popen[bytes]:
    """Start git through GitPython, in a session of its own, so that it and its helpers end."""
    if "git" not in sys.modules and shutil.which("git") is None:  # GitPython would not even load
        raise GitFailed("git is not installed", hint="install git 2.34 or newer")
    from git import cmd, exc  # here, not above: 80 ms that most verbs never need

    if not path.is_dir():
        raise GitFailed(f"there is no folder {shown(str(path))}")
    try:
        started = cmd.Git(str(path)).execute(
            command, istream=feed, as_process=True, env=dict(env), start_new_session=True
        )
    except exc.GitCommandNotFound:
        raise GitFailed("git is not installed", hint="install git 2.34 or newer") from None
    assert isinstance(started, cmd.Git.AutoInterrupt)
    process = started.proc
    started.proc = None  # ours to end: its own way would wait without a limit
    assert process is not None
    return process


def _collect(process: subprocess.Popen[bytes], until: float, most: int | None) -> Result:
    out, err = bytearray(), bytearray()
    assert process.stdout is not None
    assert process.stderr is not None
    with selectors.DefaultSelector() as ready:
        ready.register(process.stdout, selectors.EVENT_READ, out)
        ready.register(process.stderr, selectors.EVENT_READ, err)
        while ready.get_map():
            found = ready.select(max(0.0, until - time.monotonic()))
            if not found:
                raise TimeoutError
            for key, _ in found:
                chunk = os.read(key.fd, _CHUNK)
                key.data.extend(chunk)
                if not chunk:
                    ready.unregister(key.fileobj)
            del err[:-_CHUNK]
            if most is not None and len(out) > most:
                return Result(code=0, out=bytes(out[:most]), err="", cut=True)
    try:
        code = process.wait(max(0.01, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return Result(code=code, out=bytes(out), err=err.decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what still runs: asked first, so that git takes its lock files away."""
    if process.poll() is None:
        for word, grace in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, None)):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, word)
            try:
                process.wait(grace)
                break
            except subprocess.TimeoutExpired:
                continue
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


def check_git() -> str:
    """Return git's version, or say in one line that there is none or that it is too old.

    Raises:
        GitFailed: no git, or older than 2.34.
    """
    said = Git(Path("/")).text("version")
    found = re.search(r"(\d+)\.(\d+)[\w.]*", said)
    if not found or (int(found[1]), int(found[2])) < OLDEST:
        raise GitFailed(
            f"{shown(said)} is too old", hint=f"install git {OLDEST[0]}.{OLDEST[1]} or newer"
        )
    return found[0]
