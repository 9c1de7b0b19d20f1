from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.adapters.git import names, run
from gastown_tui.adapters.git.hub import RECORD, create_hub, open_hub, refresh_hub
from gastown_tui.adapters.git.landing import fetch, land_push
from gastown_tui.adapters.git.run import Git, GitFailed, GitTimeout, check_git, last_words
from gastown_tui.domain.errors import BadInput, Conflict, NotFound


def test_hub_of_an_address_is_detached_at_the_default_branch(town, upstream, shell) -> None:
    hub = create_hub(town, "rig", str(upstream))
    sh = shell(hub.path)
    assert (hub.default, hub.origin, hub.pushable) == ("main", str(upstream), True)
    tip = sh("git rev-parse origin/main")
    assert sh("git rev-parse HEAD gastown/main main refs/gastown/target").split() == [tip] * 4
    assert sh("git symbolic-ref -q HEAD || echo detached") == "detached"
    assert sh("git status --porcelain") == ""
    assert sh("git config core.logAllRefUpdates; git config gc.auto") == "always\n0"
    assert sh("git config extensions.worktreeConfig; git config core.bare") == "true\nfalse"
    assert sh("git reflog show gastown/main") != ""
    assert "user." not in sh("git config --local -l")
    assert open_hub(hub.path) == hub


def test_path_lends_objects_and_its_upstream_is_the_origin(
    town, tmp_path, upstream, shell, fingerprint
) -> None:
    mine = tmp_path / "mine"
    shell(tmp_path)("git clone -q remote.git mine")
    sh = shell(mine)
    sh("git remote set-url origin ../remote.git; git checkout -q -b feature; echo wip >> a.txt")
    sh("git -c commit.gpgSign=false stash -q; echo more >> b.txt; git config core.hooksPath .husky")
    before = fingerprint(mine), fingerprint(upstream)
    hub = create_hub(town, "rig", str(mine))
    fetch(hub)
    assert (hub.origin, hub.default) == (str(upstream), "main")
    assert not (hub.path / ".git/objects/info/alternates").exists()
    assert (fingerprint(mine), fingerprint(upstream)) == before


def test_path_without_upstream_is_origin_and_only_read(town, tmp_path, shell, fingerprint) -> None:
    mine = tmp_path / "mine"
    shell(tmp_path)(
        "git init -q -b work mine && cd mine && echo a > a && git add . && git ci -qm a"
    )
    shell(mine)("git worktree add -q ../side -b side && echo b > b")
    before = fingerprint(mine)
    hub = create_hub(town, "rig", str(mine))
    assert (hub.origin, hub.default, hub.pushable) == (str(mine), "work", False)
    tip = shell(hub.path)("git rev-parse HEAD")
    with pytest.raises(Conflict, match="only read"):
        land_push(hub, tip, tip)
    assert fingerprint(mine) == before
    shell(mine)("git checkout -q --detach && git ci -q --allow-empty -m loose")
    assert create_hub(town, "two", str(tmp_path / "side"), default_branch="side").default == "side"
    with pytest.raises(BadInput, match="no default branch"):
        create_hub(town, "three", str(mine))


def test_shallow_path_does_not_lend(town, tmp_path, upstream, seed, shell) -> None:
    seed("git ci -q --allow-empty -m second && git push -q origin main")
    shell(tmp_path)(f"git clone -q --depth 1 file://{upstream} thin")
    hub = create_hub(town, "rig", str(tmp_path / "thin"))
    assert shell(hub.path)("git rev-list --count HEAD") == "2"


def test_sources_that_cannot_be_used(town, tmp_path, upstream, shell) -> None:
    shell(tmp_path)("git init -q empty; mkdir plain; mkdir -p seed/sub")
    for source, words in [
        ("--upload-pack=x", "neither"),
        ("ext::sh -c true", "transport"),
        ("/no/such", "there is no"),
        (str(tmp_path / "empty"), "no commit yet"),
        (str(tmp_path / "plain"), "cannot be used"),
        (str(tmp_path / "seed/sub"), "inside a repository"),
        ("https://a\nb", "neither"),
    ]:
        with pytest.raises(BadInput, match=words):
            create_hub(town, "rig", source)
    with pytest.raises(GitFailed):
        create_hub(town, "rig", "file:///no/such/repository")
    with pytest.raises(BadInput, match="it has main"):
        create_hub(town, "rig", str(upstream), default_branch="release")
    for rig in ("--x", "a/b", "../up"):
        with pytest.raises(BadInput):
            create_hub(town, rig, str(upstream))
    assert not (town / "rig" / "repo").exists()
    assert not list(town.glob("*/.repo.partial*"))
    create_hub(town, "rig", str(upstream))
    with pytest.raises(Conflict):
        create_hub(town, "rig", str(upstream))
    with pytest.raises(NotFound):
        open_hub(tmp_path)


def test_hub_follows_the_target_but_keeps_what_somebody_changed(hub, seed, shell) -> None:
    seed("git ci -q --allow-empty -m second && git push -q origin main")
    tip = fetch(hub).new
    assert refresh_hub(hub, tip)
    assert shell(hub.path)("git rev-parse HEAD") == tip
    (hub.path / "a.txt").write_text("mine")
    assert not refresh_hub(hub, shell(hub.path)("git rev-parse HEAD~1"))
    assert (hub.path / "a.txt").read_text() == "mine"


def test_callers_variables_do_not_reach_git(hub, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "nonsense")
    assert open_hub(hub.path) == hub
    assert Git(hub.path).call("status", "--porcelain").out == b""


def test_ssh_never_asks_and_keeps_the_users_command(hub, shell, tmp_path) -> None:
    fake = tmp_path / "ssh"
    fake.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said; exit 1\n')
    fake.chmod(0o755)
    shell(hub.path)(f"git config core.sshCommand '{fake} -i key'")
    git = Git(hub.path).online()
    with pytest.raises(GitFailed):
        git.call("ls-remote", "--", "me@example.org:repo")
    said = (tmp_path / "said").read_text()
    assert said.startswith("-i key -o BatchMode=yes")


def test_time_limit_ends_git_and_its_helpers(hub, tmp_path, shell) -> None:
    fake = tmp_path / "ssh"
    fake.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    fake.chmod(0o755)
    shell(hub.path)(f"git config core.sshCommand {fake}")
    began = time.monotonic()
    with pytest.raises(GitTimeout, match="longer than 1 s"):
        Git(hub.path).online().where(limit=1.0).call("ls-remote", "--", "me@example.org:repo")
    assert time.monotonic() - began < 10
    pid = int((tmp_path / "pid").read_text())
    until = time.monotonic() + 5
    while Path(f"/proc/{pid}").exists() and time.monotonic() < until:
        if Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            break
        time.sleep(0.02)
    else:
        assert not Path(f"/proc/{pid}").exists()


def test_git_of_a_vanished_folder_never_runs_elsewhere(tmp_path) -> None:
    with pytest.raises(GitFailed, match="no folder"):
        Git(tmp_path / "gone").call("clean", "-ffd")


def test_version_is_checked_once(tmp_path, monkeypatch) -> None:
    assert check_git()[0].isdigit()
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "git"
    old.write_text("#!/bin/sh\necho git version 2.25.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    with pytest.raises(GitFailed, match=r"2\.25\.1 is too old: install git 2\.34"):
        check_git()
    old.unlink()
    monkeypatch.setenv("PATH", str(old.parent))
    with pytest.raises(GitFailed, match="not installed"):
        check_git()


def test_last_words_are_the_line_that_tells() -> None:
    said = (
        "Cloning into 'x'...\nssh: Could not resolve hostname nowhere: Name or service not known\n"
        "fatal: Could not read from remote repository.\n\nPlease make sure you have the rights\n"
    )
    assert last_words(said) == "Could not resolve hostname nowhere: Name or service not known"
    assert last_words("hint: x\nerror: no\x1b[2J\n") == "no\\x1b[2J"
    assert last_words("") == "git said nothing"


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=40))
def test_branch_names_agree_with_git(name: str) -> None:
    try:
        names.check_branch(name)
    except BadInput:
        return
    assert not name.startswith("-")
    done = Git(Path("/")).call("check-ref-format", f"refs/heads/{name}", ok=None)
    assert done.code == 0, name


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="a/.@{~^:-lock \\", max_size=12))
def test_names_git_refuses_are_refused(name: str) -> None:
    done = Git(Path("/")).call("check-ref-format", "--branch", name, ok=None)
    if done.code != 0:
        with pytest.raises(BadInput):
            names.check_branch(name)


def test_branch_of_a_bead() -> None:
    assert names.branch_name("nux", "gt-12.3", "k3f9") == "polecat/nux/gt-12.3@k3f9"
    assert names.branch_name("żuk", "ütf-1", "0") == "polecat/żuk/ütf-1@0"
    for agent, bead, token in [
        ("-x", "..", "1"), ("a/b", "c", "1"), ("a", "c d", "1"), ("a", "b", "--"), ("a", "b.lock", "1x."),
        ("", "b", "1"), ("a", "b", ""), ("a\n", "b", "1"),
    ]:  # fmt: skip
        with pytest.raises(BadInput):
            names.branch_name(agent, bead, token)


def test_shown_is_one_plain_line() -> None:
    assert names.shown(b"a\nb\xff\x1b[m") == "a\\x0ab\\xff\\x1b[m"
    assert names.shown(os.fsdecode(b"\xfe")) == "\\xfe"


def test_import_is_lazy() -> None:
    done = os.popen(
        f"{os.sys.executable} -c 'import sys, gastown_tui.adapters.git.sandbox; print(\"git\" in sys.modules)'"
    )
    assert done.read().strip() == "False"
    done.close()
    assert run.OLDEST == (2, 34)
    assert RECORD.startswith("refs/gastown/")
