"""A repository with everything that trips up a tool: run it, or call `make`.

::

    python tests/support/nasty.py DIR [--files N]

DIR/home          HOME: signs every commit with an ssh key that has no passphrase
DIR/widgets.git   the submodule's remote
DIR/app.git       the remote: main is protected (a pre-receive hook), develop takes pushes
DIR/app           the checkout somebody works in

With `github` the remote is known as https://github.com/acme/app.git, which git's `url.*.insteadOf`
leads to DIR/app.git. Its hooks write what they do to DIR/hooks.log.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

PRE_COMMIT = """\
#!/bin/sh
# Rewrites what is committed, as a formatter does: no blanks at the ends of lines.
echo "pre-commit $PWD" >>"$HOME/../hooks.log"
git diff --cached --name-only --diff-filter=ACM -- '*.txt' | while read -r file; do
    sed -i 's/[ \\t]*$//' "$file" && git add -- "$file"
done
if command -v pre-commit >/dev/null; then exec pre-commit run; fi
"""
COMMIT_MSG = """\
#!/bin/sh
echo "commit-msg $PWD" >>"$HOME/../hooks.log"
case $(head -n 1 "$1") in
[A-Z]*) ;;
*) echo "commit-msg: the subject begins with a capital letter" >&2; exit 1 ;;
esac
"""
FIXES = """\
# Mends what is committed, and so fails: it has to be added again.
repos:
- repo: local
  hooks:
  - id: spelling
    name: spelling
    entry: sed -i s/teh/the/g
    language: system
    files: '\\.txt$'
"""
SERVER = {
    "command": "sh",
    "args": ["-c", 'echo started >>"$HOME/../mcp.log"; exec cat >/dev/null'],
}
PROTECTED = """\
#!/bin/sh
# As GitHub answers a push to a protected branch.
while read -r old new ref; do
    if [ "$ref" = refs/heads/main ]; then
        echo "error: GH006: Protected branch update failed for refs/heads/main." >&2
        echo "error: Changes must be made through a pull request." >&2
        exit 1
    fi
done
"""
CHECK = """\
import pathlib
import sys

assert pathlib.Path(".env").read_text().startswith("TOKEN="), "no .env"
assert pathlib.Path("vendor/widgets/widget.txt").read_text(), "no submodule"
logo = pathlib.Path("assets/logo.bin").read_bytes()
assert logo.startswith(sys.argv[1].encode()), logo[:60]
assert all(p.read_text().strip() for p in pathlib.Path(".").glob("*.txt"))
"""
GITHUB = "https://github.com/acme/app.git"
GATE = "python3 check.py {logo}"


class Nasty(NamedTuple):
    """What was made."""

    root: Path
    env: dict[str, str]
    """To run git, and anything else, as the person whose repository it is."""
    has_lfs: bool

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def path(self) -> Path:
        return self.root / "app"

    @property
    def remote(self) -> Path:
        return self.root / "app.git"

    @property
    def widgets(self) -> Path:
        return self.root / "widgets.git"

    @property
    def gate(self) -> str:
        """A command that holds only where submodule, LFS file and `.env` are there."""
        return GATE.format(logo="logo" if self.has_lfs else "version")

    @property
    def key(self) -> Path:
        """What commits are signed with."""
        return self.home / "key"

    def git(self, *args: str, at: Path | None = None) -> str:
        done = subprocess.run(
            ["git", *args], cwd=at or self.path, env=self.env, text=True, capture_output=True,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        return done.stdout.strip()

    def verified(self, commit: str, at: Path) -> str:
        """How git sees a commit's signature: G is good."""
        allowed = ("-c", f"gpg.ssh.allowedSignersFile={self.home / 'signers'}")
        return self.git(*allowed, "log", "-1", "--format=%G?", commit, at=at)


def make(
    root: Path, *, files: int = 0, github: bool = False, environ: Mapping[str, str] = os.environ
) -> Nasty:
    """Make everything below `root`, with `files` more files in the repository."""
    keep = {k: v for k, v in environ.items() if not k.startswith(("GIT_", "XDG_CONFIG"))}
    has_lfs = shutil.which("git-lfs") is not None
    nasty = Nasty(root, keep | {"HOME": str(root / "home")}, has_lfs)
    nasty.home.mkdir(parents=True)
    _make_home(nasty)
    _make_widgets(nasty)
    _make_app(nasty, files, GITHUB if github else str(nasty.remote))
    return nasty


def _make_home(nasty: Nasty) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", str(nasty.key)],
        check=True,
    )
    public = nasty.key.with_suffix(".pub").read_text()
    (nasty.home / "signers").write_text(f"ada@example.invalid {public}")
    settings = {
        "user.name": "Ada",
        "user.email": "ada@example.invalid",
        "user.signingkey": str(nasty.key),
        "gpg.format": "ssh",
        "commit.gpgsign": "true",
        "tag.gpgsign": "true",
        "protocol.file.allow": "always",
        "init.defaultBranch": "main",
        "gc.autoDetach": "false",
        f"url.file://{nasty.root}/.insteadOf": GITHUB.removesuffix("app.git"),
    }
    if nasty.has_lfs:
        settings |= {
            "filter.lfs.clean": "git-lfs clean -- %f",
            "filter.lfs.smudge": "git-lfs smudge -- %f",
            "filter.lfs.process": "git-lfs filter-process",
            "filter.lfs.required": "true",
        }
    for key, value in settings.items():
        nasty.git("config", "--global", key, value, at=nasty.home)


def _make_widgets(nasty: Nasty) -> None:
    seed = nasty.root / "widgets"
    nasty.git("init", "-q", str(seed), at=nasty.root)
    (seed / "widget.txt").write_text("widget\n")
    nasty.git("add", ".", at=seed)
    nasty.git("commit", "-qm", "First widget", at=seed)
    nasty.git("clone", "-q", "--bare", str(seed), str(nasty.widgets), at=nasty.root)
    shutil.rmtree(seed)


def _make_app(nasty: Nasty, files: int, origin: str) -> None:
    nasty.git("init", "-q", str(nasty.path), at=nasty.root)
    texts = {
        ".gitignore": ".env\nnode_modules/\n",
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        ".husky/pre-commit": PRE_COMMIT,
        ".husky/commit-msg": COMMIT_MSG,
        ".pre-commit-config.yaml": FIXES,
        ".mcp.json": json.dumps({"mcpServers": {"one": SERVER}}) + "\n",
        "package.json": '{"name": "app", "scripts": {"prepare": "husky"}}\n',
        "package-lock.json": '{"name": "app", "lockfileVersion": 3}\n',
        "uv.lock": "version = 1\n",
        "packages/api/package.json": '{"name": "@app/api"}\n',
        "packages/api/main.js": "exports.one = 1\n",
        "check.py": CHECK,
        "first.txt": "first\n",
    }
    for name, text in texts.items():
        (nasty.path / name).parent.mkdir(parents=True, exist_ok=True)
        (nasty.path / name).write_text(text)
    for name in ("pre-commit", "commit-msg"):
        (nasty.path / ".husky" / name).chmod(0o755)
    (nasty.path / "assets").mkdir()
    (nasty.path / "assets" / "logo.bin").write_bytes(_logo(nasty))
    for number in range(files):
        folder = nasty.path / "packages" / "many" / f"{number // 1000:03d}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number % 1000:03d}.ts").write_text(f"export const n = {number}\n")
    nasty.git("submodule", "--quiet", "add", str(nasty.widgets), "vendor/widgets")
    nasty.git("add", ".")
    nasty.git("commit", "-qm", "First")
    nasty.git("branch", "develop")
    nasty.git("clone", "-q", "--bare", str(nasty.path), str(nasty.remote), at=nasty.root)
    hook = nasty.remote / "hooks" / "pre-receive"
    hook.write_text(PROTECTED)
    hook.chmod(0o755)
    nasty.git("remote", "add", "origin", origin)
    nasty.git("fetch", "-q", "origin")
    nasty.git("branch", "-q", "--set-upstream-to=origin/main", "main")
    if nasty.has_lfs:
        nasty.git("lfs", "push", "--all", "origin")
    nasty.git("config", "core.hooksPath", ".husky")
    (nasty.path / ".env").write_text("TOKEN=secret-of-ada\n")


def _logo(nasty: Nasty) -> bytes:
    """A large file, or what stands for it in git where git-lfs is not installed."""
    if nasty.has_lfs:
        return b"logo" * 1000
    return (
        b"version https://git-lfs.github.com/spec/v1\n"
        b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
        b"size 4000\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=0)
    options = parser.parse_args()
    made = make(options.folder.absolute(), files=options.files)
    print(f"HOME={made.home} gastown rig add app {made.path} --gate {made.gate!r}")


if __name__ == "__main__":
    main()
