"""A rig of the nasty repository: submodules, large files, signatures, hooks, a protected branch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "support"))

import nasty as nasties

from gastown_tui.adapters.git.hub import create_hub
from gastown_tui.adapters.git.run import Git
from gastown_tui.adapters.rig_git import RigGit
from gastown_tui.domain.config import RigConfig
from gastown_tui.domain.errors import Conflict
from gastown_tui.services.ports import Piece, TargetMoved


class Rig:
    """A rig without a controller: an agent's shell, and what is done with its work."""

    def __init__(self, nasty: nasties.Nasty, town: Path, land: str, branch: str) -> None:
        self.nasty, self.town = nasty, town
        self.hub = create_hub(town, "app", str(nasty.path), default_branch=branch)
        self.config = RigConfig(
            name="app", prefix="app", upstream=str(nasty.remote), source=str(nasty.path),
            default_branch=branch, land=land,
        )  # fmt: skip
        self.git = RigGit(town, self.config)

    def work(self, name: str, script: str) -> tuple[Path, str]:
        """What an agent does in its sandbox, under its guard; the sandbox and the branch's tip."""
        box, branch = self.town / "app/polecats" / name, f"polecat/{name}/app-{name}@1"
        base = self.git.prepare(box, branch)
        env = os.environ | self.nasty.env | self.git.agent_env(box, branch)
        done = subprocess.run(
            ["sh", "-ec", script], cwd=box, env=env, text=True, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return box, self.git.hand_in(box, branch, base, name).tip

    def land(self, name: str, tip: str) -> str:
        """Stack it as the refinery does, and move the target; the commit that landed."""
        bench = self.town / "app/refinery/landing"
        base = self.git.refresh(fetch=False)
        stacked = self.git.stack(bench, base, [Piece(f"mr-{name}", tip)])
        assert not stacked.conflicts
        assert not self.git.differs(bench, stacked.tip)
        self.gate(bench)
        self.git.land(stacked.tip, base, "landed")
        return stacked.tip

    def gate(self, bench: Path) -> None:
        (bench / ".env").write_text("TOKEN=x\n")
        subprocess.run(self.nasty.gate, shell=True, cwd=bench, check=True)


@pytest.fixture
def nasty(tmp_path, monkeypatch) -> nasties.Nasty:
    made = nasties.make(tmp_path / "nasty")
    monkeypatch.setenv("HOME", str(made.home))
    return made


@pytest.fixture
def rig(nasty, tmp_path):
    def make(land: str = "local", branch: str = "main") -> Rig:
        (tmp_path / "town").mkdir()
        return Rig(nasty, tmp_path / "town", land, branch)

    return make


EVERYTHING = """
git config core.hooksPath .husky
git -C vendor/widgets checkout -q -b wip
echo better >vendor/widgets/widget.txt
git -C vendor/widgets commit -qam 'Better widget'
printf 'logo%04000d' 1 >assets/logo.bin
printf 'blanks   \\n' >second.txt
git add -A
git commit -qm 'Second'
! git commit -q --allow-empty -m 'small letter'
"""


@pytest.mark.parametrize(("land", "branch"), [("local", "main"), ("push", "develop")])
def test_everything_lands(rig, nasty, tmp_path, land, branch) -> None:
    one = rig(land, branch)
    box, tip = one.work("nux", EVERYTHING)
    landed = one.land("nux", tip)
    hub = one.hub.path
    show = nasty.git("show", f"{landed}:second.txt", at=hub)
    assert show == "blanks"  # the project's hook had rewritten it
    assert nasty.verified(landed, hub) == "G"
    assert nasty.git("log", "-1", "--format=%an", landed, at=hub) == "nux (app)"
    widget = nasty.git("rev-parse", f"{landed}:vendor/widgets", at=hub)
    assert one.git.clean(box, "polecat/nux/app-nux@1", tip, landed, "mr-nux") == ""
    assert not box.exists()
    if land == "local":
        assert not nasty.git("for-each-ref", "refs/heads/gastown", at=nasty.widgets)
        other = one.git.prepare(one.town / "app/polecats/ace", "polecat/ace/app-2@1")
        assert other == landed
        text = (one.town / "app/polecats/ace/vendor/widgets/widget.txt").read_text()
        assert text == "better\n"
        return
    assert nasty.git("rev-parse", "develop", at=nasty.remote) == landed
    assert nasty.git("rev-parse", f"gastown/{widget[:12]}", at=nasty.widgets) == widget
    fresh = tmp_path / "fresh"
    nasty.git("clone", "-q", "-b", "develop", "--recurse-submodules", str(nasty.remote), str(fresh),
              at=tmp_path)  # fmt: skip
    assert (fresh / "assets/logo.bin").read_bytes().startswith(b"logo0")
    assert (fresh / "vendor/widgets/widget.txt").read_text() == "better\n"


def test_a_sandbox_is_used_again_with_its_submodules(rig, nasty) -> None:
    one = rig()
    box, tip = one.work("nux", EVERYTHING)
    one.land("nux", tip)
    assert one.git.put_away(box, "polecat/nux/app-nux@1", "nux") == "polecat/nux/app-nux@1"
    one.git.prepare(box, "polecat/nux/app-3@1")
    assert (box / "vendor/widgets/widget.txt").read_text() == "better\n"


def test_a_submodule_commit_that_is_nowhere_is_named(rig, nasty) -> None:
    one = rig()
    lost = "1" * 40
    script = f"git update-index --cacheinfo 160000,{lost},vendor/widgets && git commit -qm Lost"
    with pytest.raises(Conflict, match=r"vendor/widgets is recorded at 111111111111, which .* not"):
        one.work("nux", script)


def test_a_protected_branch_says_so_in_its_own_words(rig, nasty) -> None:
    one = rig("push", "main")
    _box, tip = one.work("nux", "echo two >second.txt && git add . && git commit -qm Second")
    with pytest.raises(TargetMoved, match=r"GH006: Protected branch update failed"):
        one.land("nux", tip)


def test_a_key_that_is_missing_holds_the_queue_with_one_line(rig, nasty) -> None:
    one = rig()
    nasty.key.unlink()
    _box, tip = one.work("nux", "echo two >second.txt && git add . && git commit -qm Second")
    with pytest.raises(TargetMoved) as caught:
        one.land("nux", tip)
    assert "commit.gpgsign is set, but the key" in str(caught.value)
    assert "\n" not in str(caught.value)
    nasty.git("config", "commit.gpgsign", "false", at=one.hub.path)
    assert nasty.verified(one.land("nux", tip), one.hub.path) == "N"


def test_what_goes_on_top_of_a_newer_upstream_is_signed_again(rig, nasty) -> None:
    one = rig()
    _box, tip = one.work("nux", "echo two >second.txt && git add . && git commit -qm Second")
    landed = one.land("nux", tip)
    new = nasty.git("commit-tree", "-p", "main", "-m", "Upstream", "main^{tree}", at=nasty.remote)
    nasty.git("update-ref", "refs/heads/main", new, at=nasty.remote)
    assert one.git.refresh(fetch=True) == landed
    bench = one.town / "app/refinery/landing"
    tail = one.git.upstream.rebase_tail(bench)
    assert tail.count == 1
    assert nasty.verified(tail.tip, one.hub.path) == "G"
    assert nasty.git("log", "-1", "--format=%an", tail.tip, at=one.hub.path) == "nux (app)"
    nasty.key.unlink()
    with pytest.raises(TargetMoved, match=r"commit\.gpgsign is set, but the key"):
        one.git.upstream.rebase_tail(bench)


def test_a_large_file_of_lfs_that_was_left_over_is_committed_as_its_pointer(rig, nasty) -> None:
    if not nasty.has_lfs:
        pytest.skip("needs git-lfs")
    one = rig()
    script = "printf 'logo%06000000d' 1 >assets/logo.bin; printf '%06000000d' 1 >plain.dat"
    box, tip = one.work("nux", f"echo two >second.txt && git add . && git commit -qm Two; {script}")
    assert nasty.git("show", f"{tip}:assets/logo.bin", at=box).startswith("version https://git-lfs")
    landed = one.land("nux", tip)
    assert nasty.git("ls-tree", "--name-only", landed, at=one.hub.path).count("plain.dat") == 0


@pytest.mark.skipif(not Path("/usr/bin/gpg").exists(), reason="needs gpg")
@pytest.mark.parametrize("locked", [False, True])
def test_gpg_signs_or_refuses_and_never_asks(rig, nasty, tmp_path, monkeypatch, locked) -> None:
    one = rig()
    gnupg = Path(f"/tmp/gt-gpg-{os.getpid()}-{locked}")
    gnupg.mkdir(mode=0o700)
    pinentry, asked = tmp_path / "pinentry", tmp_path / "asked"
    pinentry.write_text(f"#!/bin/sh\ntouch {asked}\necho 'ERR 83886179 cancelled'\n")
    pinentry.chmod(0o755)
    (gnupg / "gpg-agent.conf").write_text(f"pinentry-program {pinentry}\n")
    monkeypatch.setenv("GNUPGHOME", str(gnupg))
    try:
        subprocess.run(
            ["gpg", "--batch", "-q", "--pinentry-mode", "loopback", "--passphrase",
             "locked" if locked else "", "--quick-gen-key", "Ada <ada@example.invalid>"],
            check=True, capture_output=True,
        )  # fmt: skip
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=True)
        for key, value in (("gpg.format", "openpgp"), ("user.signingkey", "ada@example.invalid")):
            nasty.git("config", "--global", key, value)
        _box, tip = one.work("nux", "echo two >second.txt && git add . && git commit -qm Second")
        if locked:
            with pytest.raises(TargetMoved, match=r"ada@example.invalid does not sign"):
                one.land("nux", tip)
        else:
            landed = one.land("nux", tip)
            assert Git(one.hub.path).text("log", "-1", "--format=%G?", landed) in {"G", "U"}
        assert not asked.exists()
    finally:
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], check=False)
        subprocess.run(["rm", "-rf", str(gnupg)], check=False)


def test_two_who_stash_at_once_do_not_mix(rig, nasty) -> None:
    one = rig()
    stash = "echo {0} >first.txt && ! git stash 2>err && grep -q 'no stash here' err && rm err"
    for name in ("nux", "ace"):
        box, _tip = one.work(name, stash.format(name))
        assert (box / "first.txt").read_text() == f"{name}\n"
        assert nasty.git("show", f"polecat/{name}/app-{name}@1:first.txt", at=box) == name
    assert not nasty.git("stash", "list", at=one.hub.path)


def test_the_path_is_as_it_was(rig, nasty, fingerprint) -> None:
    places = (nasty.path, nasty.remote, nasty.widgets, nasty.home)
    before = [fingerprint(place) for place in places]
    one = rig()
    _box, tip = one.work("nux", EVERYTHING)
    one.land("nux", tip)
    assert [fingerprint(place) for place in places] == before
