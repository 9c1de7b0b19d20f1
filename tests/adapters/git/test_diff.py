from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gastown_tui.adapters.git.diff import diff_text, sandbox_diff
from gastown_tui.adapters.git.run import GitFailed
from gastown_tui.adapters.git.sandbox import create_sandbox
from gastown_tui.domain.errors import BadInput


@pytest.fixture
def box(hub, town):
    return create_sandbox(hub, town / "rig/polecats/nux", "polecat/nux/gt-1@a", hub.local_ref)


def test_diff_of_two_commits(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("seq 50 > long && git add -A && git ci -qm long")
    base = sh("git rev-parse HEAD")
    sh("git mv long 'lang name' && echo 51 >> 'lang name' && rm b.txt && echo x >> a.txt")
    sh(r"printf '\0\1' > bin && printf '\377\n' > latin && git add -A && git ci -qm all")
    found = diff_text(hub.path, base, sh("git rev-parse HEAD"))
    files = {file.path: file for file in found.files}
    assert set(files) == {"a.txt", "b.txt", "bin", "lang name", "latin"}
    renamed = files["lang name"]
    assert (renamed.status, renamed.old_path, renamed.added, renamed.deleted) == (
        "renamed", "long", 1, 0,
    )  # fmt: skip
    assert (files["bin"].binary, files["bin"].status) == (True, "added")
    assert files["b.txt"].status == "deleted"
    assert (found.added, found.deleted, found.cut) == (3, 1, False)
    assert "rename from long\nrename to lang name\n" in found.text
    assert "diff --git a/a.txt b/a.txt\n" in found.text
    assert "Binary files /dev/null and b/bin differ" in found.text
    assert "+\ufffd\n" in found.text
    assert "\x1b" not in found.text


def test_sandbox_diff_has_everything_and_touches_nothing(hub, box, tmp_path, shell) -> None:
    sh = shell(box.path)
    # A program of the repository's that would run for whoever looks at the diff.
    (hub.git_dir / "info/attributes").write_text("*.txt diff=own\n")
    sh(f"git config diff.own.textconv 'touch {tmp_path}/ran; cat'")
    sh("echo two >> a.txt && git ci -qam c && echo staged > s && git add s && echo three >> a.txt")
    sh("rm b.txt; echo u > untracked; echo i > t.log; git init -q inner; echo x > inner/f")
    os.close(os.open(os.fsencode(box.path) + b"/odd\xff\n", os.O_CREAT))
    own = sh("git rev-parse --git-dir")
    before = (
        Path(own, "index").read_bytes(),
        sh("git count-objects -v; git status --porcelain -b"),
    )
    found = sandbox_diff(box.path, box.base)
    assert {(file.path, file.status) for file in found.files} == {
        ("a.txt", "modified"),
        ("b.txt", "deleted"),
        ("s", "added"),
        ("untracked", "added"),
        ("odd\\xff\\x0a", "added"),
    }
    assert "+two\n+three\n" in found.text
    assert "+++ b/untracked\n@@ -0,0 +1 @@\n+u\n" in found.text
    after = Path(own, "index").read_bytes(), sh("git count-objects -v; git status --porcelain -b")
    assert before == after
    assert not (tmp_path / "ran").exists()


def test_large_diff_is_quick_and_cut_at_a_line(hub, box, shell) -> None:
    sh = shell(box.path)
    sh("seq 10000 > big && git add -A && git ci -qm big")
    tip = sh("git rev-parse HEAD")
    began = time.monotonic()
    found = diff_text(hub.path, box.base, tip)
    assert time.monotonic() - began < 5
    assert (found.text.count("\n+"), found.cut) == (10_001, False)
    cut = diff_text(hub.path, box.base, tip, limit_bytes=1000)
    assert cut.cut
    assert len(cut.text) <= 1000
    assert cut.text.endswith("\n")
    assert cut.files[0].added == 10_000


def test_ends_are_commits_not_options(hub) -> None:
    with pytest.raises(BadInput):
        diff_text(hub.path, "--output=/tmp/x", "HEAD")
    with pytest.raises(GitFailed):
        diff_text(hub.path, "0" * 40, "1" * 40)
