"""The guard: what keeps one agent's git from moving refs that all agents of a rig share.

Worktrees share refs, stash, hooks and configuration. An agent's session gets a hooks folder of the
town by its environment (``core.hooksPath`` through ``GIT_CONFIG_*``), so nothing is written into
the repository; each hook does its check and then runs the project's own. An agent that takes the
variables away gets round it: the refinery therefore checks the target's last value itself.
"""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from gastown_tui.adapters.git.hub import open_hub
from gastown_tui.adapters.git.names import check_branch
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.git.status import common_dir, git_dir_of
from gastown_tui.domain.errors import BadInput

HOOKS = (
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "post-rewrite",
    "pre-auto-gc",
    "post-index-change",
    "reference-transaction",
    "sendemail-validate",
    "pre-receive",
    "update",
    "post-receive",
    "post-update",
)
"""Hooks stood in for (githooks(5)); those whose mere presence changes git, such as
``push-to-checkout`` and ``proc-receive``, are not."""
RARE = frozenset({"post-index-change"})
"""Hooks that run with every index write and that hardly a project has: stood in for only then."""
_UNSIGNED = {"commit.gpgSign": "false", "tag.gpgSign": "false"}
"""An agent signs with nobody's key: the refinery commits anew what lands, and signs that."""
_SCRIPT = "guard"
_KEPT = "gastown-hooks"
"""Where the script keeps the project's hooks folder, in the worktree's git folder."""


def install_guard(town: Path, rig: str, project: Path) -> Path:
    """Write the rig's hooks folder, ``TOWN/.gastown/guard/RIG/hooks``, if it is not as it must be.

    Each hook is a link to one script; replaced whole, so running hooks are not disturbed.

    Args:
        town: the town's folder.
        rig: the rig's name.
        project: the project's own hooks folder.
    """
    folder = (town / ".gastown" / "guard" / rig / "hooks").absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    wanted = resources.files("gastown_tui").joinpath("data/hooks/guard.sh").read_bytes()
    script = folder / _SCRIPT
    if not script.is_file() or script.read_bytes() != wanted or not os.access(script, os.X_OK):
        fresh = folder / f".{_SCRIPT}-{os.getpid()}"
        fresh.write_bytes(wanted)
        fresh.chmod(0o755)
        fresh.replace(script)
    for name in HOOKS:
        link = folder / name
        if name in RARE and not (project / name).exists():
            continue
        if link.is_symlink() and link.readlink() == Path(_SCRIPT):
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(_SCRIPT)
    return folder


def agent_git_env(town: Path, rig: str, sandbox: Path, branch: str) -> dict[str, str]:
    """Return git's part of the environment of an agent's session; installs the guard.

    Args:
        town: the town's folder.
        rig: the rig's name.
        sandbox: the agent's worktree, already made.
        branch: the one branch it may move.

    Raises:
        BadInput: the branch cannot be one, or the sandbox is not a worktree of the rig's hub.
        NotFound: the sandbox or the hub is not there.
    """
    check_branch(branch)
    hub = open_hub(town / rig / "repo")
    own = git_dir_of(sandbox).resolve()
    shared = hub.git_dir.resolve()
    if common_dir(own) != shared:
        raise BadInput(f"{sandbox} is not a worktree of {hub.path}")
    hooks = install_guard(town, rig, _project_hooks(sandbox, shared))
    (own / _KEPT).unlink(missing_ok=True)
    ceilings = dict.fromkeys(
        str(folder)
        for given in (sandbox.absolute(), sandbox.resolve())
        for folder in (given.parent, town.absolute(), town.absolute().parent)
    )
    return {
        "GASTOWN_GUARD_HUB": str(shared),
        "GASTOWN_GUARD_GIT_DIR": str(own),
        "GASTOWN_GUARD_SANDBOX": str(sandbox),
        "GASTOWN_GUARD_BRANCH": branch,
        "GASTOWN_GUARD_DEFAULT": hub.default,
        "GIT_CEILING_DIRECTORIES": os.pathsep.join(ceilings),
        **_settings({"core.hooksPath": str(hooks), **_UNSIGNED}),
    }


def _settings(values: dict[str, str]) -> dict[str, str]:
    """Settings of git as its environment takes them (git-config(1), GIT_CONFIG_COUNT)."""
    found = {"GIT_CONFIG_COUNT": str(len(values))}
    for number, (key, value) in enumerate(values.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _project_hooks(sandbox: Path, shared: Path) -> Path:
    out = Git(sandbox).call(
        "config", "--show-origin", "-z", "--type=path", "--get-all", "core.hooksPath", ok=(0, 1)
    )
    fields = out.out.decode("utf-8", "surrogateescape").split("\0")
    # The last one in a file counts; the command line's is our own.
    found = [
        value
        for origin, value in zip(fields[::2], fields[1::2], strict=False)
        if origin.startswith("file:")
    ]
    return sandbox / found[-1] if found else shared / "hooks"
