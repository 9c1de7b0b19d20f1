"""The real `bd` and `br`, built from their registries' packages on first use.

    python tests/interop/peers.py FOLDER [bd] [br]

builds them into FOLDER, which GASTOWN_INTEROP_CACHE then names. Measured on two busy cores, one
job at a time: bd 13 minutes (11 of CPU, 313 MB downloaded), br 40 (21 of CPU). Their caches of
3 GB and 1.6 GB are thrown away afterwards; what stays is 150 MB and 27 MB.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

BD_VERSION = os.environ.get("GASTOWN_INTEROP_BD", "1.3.0")
BR_VERSION = os.environ.get("GASTOWN_INTEROP_BR", "0.7.6")
LIMIT_S = 3600

GO_MODULE = """module peers

go 1.25

require github.com/steveyegge/beads v{version}
"""


class NotHereError(Exception):
    """Why a program cannot be built here."""


def bd(cache: Path) -> Path:
    """`bd` of the pinned version; a build without C libraries other than libc's."""
    folder = cache / f"bd-{BD_VERSION}"
    program = folder / "bd"
    if not program.exists():
        go = _tool("go")
        work = folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        # A module that requires the version asks the proxy for nothing but that version.
        (work / "go.mod").write_text(GO_MODULE.format(version=BD_VERSION))
        fresh = work / "bd"
        _build(
            [go, "build", "-mod=mod", "-ldflags=-s -w", "-tags=gms_pure_go",
             "-o", str(fresh), "github.com/steveyegge/beads/cmd/bd"],
            work,
            {"GOPATH": str(work / "go"), "GOCACHE": str(work / "cache"), "GOFLAGS": "-modcacherw -buildvcs=false"},
        )  # fmt: skip
        fresh.rename(program)
        shutil.rmtree(work, ignore_errors=True)
    return _running(program, [str(program), "version"], BD_VERSION)


def br(cache: Path) -> Path:
    """`br` of the pinned version; its crates name unstable features, which a stable rustc is told to take."""
    folder = cache / f"br-{BR_VERSION}"
    program = folder / "bin" / "br"
    if not program.exists():
        cargo = _tool("cargo")
        folder.mkdir(parents=True, exist_ok=True)
        _build(
            [cargo, "install", "beads_rust", "--version", BR_VERSION, "--locked",
             "--no-default-features", "--ignore-rust-version", "--root", str(folder)],
            folder,
            {"RUSTC_BOOTSTRAP": "1", "CARGO_TARGET_DIR": str(folder / "target")},
        )  # fmt: skip
        shutil.rmtree(folder / "target", ignore_errors=True)
    return _running(program, [str(program), "--version"], BR_VERSION)


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise NotHereError(f"{name} is not installed")
    return found


def _build(command: list[str], folder: Path, env: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            ["nice", "-n", "15", *command],
            cwd=folder,
            env={**os.environ, **env},
            check=False,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise NotHereError(f"{command[1]} of {folder.name} took over {LIMIT_S} s") from error
    if done.returncode:
        raise NotHereError(f"{folder.name} does not build: {done.stderr.strip()[-300:]}")


def _running(program: Path, command: list[str], version: str) -> Path:
    told = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    if version not in told:
        raise NotHereError(f"{program} is not version {version}, but {told.strip()[:100]!r}")
    return program


if __name__ == "__main__":
    where = Path(sys.argv[1]).absolute()
    for wanted in sys.argv[2:] or ["bd", "br"]:
        try:
            print({"bd": bd, "br": br}[wanted](where))
        except NotHereError as error:
            sys.exit(f"{wanted}: {error}")
