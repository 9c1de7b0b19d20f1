"""The real `bd`, run as a program: found, asked for its version, called, its refusals told."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gastown_tui.domain.errors import BadInput, Conflict, GastownError, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OLDEST: Final = (1, 0, 0)
"""Before it, an export lacked comments or could not be read back."""
PROGRAM_KEY: Final = "GASTOWN_BD"
"""Names the program where it is not the `bd` on PATH."""
_LIMIT_S: Final = 120.0
_MISMATCH: Final = 13
"""The exit code of a guard (`--if-status`, `--if-assignee`) that did not hold."""
_SMALL: Final = 1 << 16
"""The real program is megabytes; our command of the same name is a short script."""
_SETTINGS: Final = {
    "BD_NON_INTERACTIVE": "1",
    "BD_JSON_ENVELOPE": "1",
    "BD_DISABLE_METRICS": "1",
    "BD_NO_PARTIAL_ID_NOTICE": "1",
    "BD_LAST_TOUCHED_FALLBACK": "0",
    "NO_COLOR": "1",
}
_DROPPED: Final = re.compile(r"BD_|BEADS_(?!DOLT_|PROXIED_)|GIT_")
"""What would send `bd` to another directory, or make it answer otherwise."""
_VERSION: Final = re.compile(r"(\d+)\.(\d+)(?:\.(\d+))?")
_LEASE: Final = re.compile(r"already claimed by|not claimable|mismatch", re.IGNORECASE)
_ABSENT: Final = re.compile(r"not found|no issue found", re.IGNORECASE)


def find_program(env: Mapping[str, str]) -> Path:
    """The real `bd`, never our own command of that name.

    Raises:
        Unavailable: there is none.
    """
    named = env.get(PROGRAM_KEY)
    folders = env.get("PATH", os.defpath).split(os.pathsep)
    places = [Path(named)] if named else [Path(folder or ".") / "bd" for folder in folders]
    for place in places:
        if place.is_file() and os.access(place, os.X_OK) and not _is_ours(place):
            return place.absolute()
    raise Unavailable(
        f"these beads are kept by bd, and there is no {named or 'bd on PATH'}",
        hint="install bd, for instance with go install github.com/steveyegge/beads/cmd/bd@latest",
    )


def _is_ours(path: Path) -> bool:
    try:
        if path.stat().st_size > _SMALL:
            return False
        return b"gastown_tui" in path.read_bytes() or b"gastown bd" in path.read_bytes()
    except OSError:
        return True


class Bd:
    """Calls of one `bd` for one beads directory."""

    def __init__(self, program: Path, beads_dir: Path, env: Mapping[str, str]) -> None:
        self.program = program
        self._beads_dir = beads_dir
        kept = {key: value for key, value in env.items() if not _DROPPED.match(key)}
        self._env = {**kept, **_SETTINGS, "BEADS_DIR": str(beads_dir)}

    def version(self) -> tuple[int, int, int]:
        """Of the program.

        Raises:
            Unavailable: it does not tell, or is too old.
        """
        told = self._run(["version"], stdin=None).stdout.decode(errors="replace")
        found = _VERSION.search(told)
        if found is None:
            raise Unavailable(f"{self.program} does not say its version", hint="install bd anew")
        version = (int(found[1]), int(found[2]), int(found[3] or 0))
        if version < OLDEST:
            needed = ".".join(map(str, OLDEST))
            raise Unavailable(
                f"{self.program} is bd {found[0]}; {needed} or newer is needed", hint="update bd"
            )
        return version

    def ask(self, arguments: Sequence[str], *, actor: str = "", stdin: bytes | None = None) -> Any:
        """What a command answers, decoded, without its envelope; None when it says nothing.

        Raises:
            NotFound, Conflict, BadInput: `bd` refused; nothing was changed.
            Unavailable: it did not answer.
        """
        who = [f"--actor={actor}"] if actor else []
        text = self.text([*arguments, *who, "--json"], stdin=stdin)
        return _unwrapped(text)

    def text(self, arguments: Sequence[str], *, stdin: bytes | None = None) -> bytes:
        """What a command prints, as it is.

        Raises:
            As `ask`.
        """
        done = self._run(arguments, stdin=stdin)
        if done.returncode:
            raise _refusal(arguments[0], done)
        return done.stdout

    def _run(
        self, arguments: Sequence[str], *, stdin: bytes | None
    ) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                [str(self.program), *arguments],
                cwd=self._beads_dir.parent,
                env=self._env,
                input=stdin if stdin is not None else b"",
                capture_output=True,
                timeout=_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise Unavailable(
                f"bd {arguments[0]} did not answer in {_LIMIT_S:.0f} s",
                hint="run bd doctor there",
            ) from error
        except (OSError, ValueError) as error:
            raise Unavailable(f"{self.program} cannot be run ({error})") from error


def _unwrapped(text: bytes) -> Any:
    """The JSON behind lines of prose that some versions print first, out of its envelope."""
    start = re.search(rb"^[\[{]", text, re.MULTILINE)
    if start is None:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text[start.start() :].decode(errors="replace"))
    except ValueError as error:
        raise Unavailable(f"bd answered what is no JSON ({error})", hint="update bd") from error
    if isinstance(value, dict) and "schema_version" in value:
        if "data" in value:
            return value["data"]
        value.pop("schema_version")
    return value


def _refusal(verb: str, done: subprocess.CompletedProcess[bytes]) -> GastownError:
    """The error that an exit code and what was printed tell."""
    words = _words(done)
    message = f"bd {verb}: {words}" if words else f"bd {verb} ended with {done.returncode}"
    if done.returncode == _MISMATCH or _LEASE.search(words):
        return Conflict(message)
    if _ABSENT.search(words):
        return NotFound(message)
    if done.returncode < 0:
        return Unavailable(message)
    return BadInput(message)


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    """What it says is wrong, in one line."""
    for stream in (done.stdout, done.stderr):
        try:
            value = _unwrapped(stream)
        except Unavailable:
            continue
        if isinstance(value, dict) and value.get("error"):
            failed = value.get("failed")
            first = failed[0] if isinstance(failed, list) and failed else value
            return str(first.get("error", value["error"]))[:300]
    lines = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("Error: ")[:300] if lines else ""
