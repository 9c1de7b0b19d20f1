"""Pull requests by `gh`, in front of a stand-in for GitHub that takes only what the real one takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "support"))

from gh_stand_in import LOGIN, OUTAGE, RATE, Forge

from gastown_tui.adapters.gh_pulls import PullRequests
from gastown_tui.domain.errors import Unavailable

UP = "https://github.com/acme/app.git"
HEAD = "gastown/app-1"


@pytest.fixture
def forge(tmp_path: Path) -> Forge:
    """A repository with one commit on main, and one more on the branch of a bead."""
    work, bare = tmp_path / "work", tmp_path / "app.git"

    def git(*args: str) -> None:
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid")
        subprocess.run(["git", "-C", str(tmp_path), *who, *args], check=True, capture_output=True)

    git("init", "-q", "-b", "main", str(work))
    for name, branch in (("a", ""), ("b", HEAD)):
        if branch:
            git("-C", str(work), "checkout", "-qb", branch)
        (work / name).write_text(f"{name}\n")
        git("-C", str(work), "add", ".")
        git("-C", str(work), "commit", "-qm", f"Add {name}")
    git("clone", "-q", "--bare", str(work), str(bare))
    return Forge(tmp_path / "forge", "acme/app", bare)


@pytest.fixture
def github(forge: Forge) -> PullRequests:
    return PullRequests({"PATH": f"{forge.bin}:/usr/bin:/bin"})


def one(github: PullRequests, number: int = 1):
    return github.pulls(UP, (number,))[number]


def test_a_request_is_made_once_with_its_text(forge, github):
    made = github.open(UP, HEAD, "main", "-Add b", "What\n--web")
    assert github.open(UP, HEAD, "main", "another", "") == made
    (pull,) = forge.pulls()
    assert (pull["title"], pull["body"]) == ("-Add b", "What\n--web")
    assert (made.number, made.state, made.base, made.head) == (1, "OPEN", "main", pull["oid"])
    assert made.url == "https://github.com/acme/app/pull/1"


def test_one_of_a_fork_with_the_same_branch_is_not_ours(forge, github):
    github.open(UP, HEAD, "main", "theirs", "")
    forge.change(1, isCrossRepository=True)
    assert github.open(UP, HEAD, "main", "ours", "").number == 2


@pytest.mark.parametrize("how", ["squash", "rebase", "merge"])
def test_a_merge_names_its_commit(forge, github, how):
    github.open(UP, HEAD, "main", "b", "")
    commit = forge.merge(1, how)
    assert (one(github).state, one(github).merged) == ("MERGED", commit)


def test_checks_reviews_drafts_and_conflicts_are_read(forge, github):
    forge.set(ci=["unit", "lint"], required=["unit"])
    github.open(UP, HEAD, "main", "b", "")
    assert [check.state for check in one(github).checks] == ["pending", "pending"]
    forge.check(1, "unit", "FAILURE")
    found = one(github).checks[0]
    assert (found.name, found.state, found.link) == (
        "unit", "failed", "https://github.com/acme/app/runs/unit",
    )  # fmt: skip
    assert github.required(UP, 1) == {"unit"}
    forge.change(1, review="CHANGES_REQUESTED")
    assert one(github).review == "CHANGES_REQUESTED"
    forge.change(1, isDraft=True)
    assert one(github).status == "DRAFT"


def test_without_required_checks_none_is_named(forge, github):
    github.open(UP, HEAD, "main", "b", "")
    assert github.required(UP, 1) == frozenset()
    forge.set(ci=["unit"])
    forge.change(1, checks={})
    assert github.required(UP, 1) == frozenset()


@pytest.mark.parametrize("how", ["squash", "rebase", "merge"])
def test_github_merges_by_itself_what_may_be_merged(forge, github, how):
    forge.set(ci=["unit"], required=["unit"])
    pull = github.open(UP, HEAD, "main", "b", "")
    github.merge_when_ready(UP, pull, how)
    assert one(github).auto
    forge.check(1, "unit", "SUCCESS")
    assert one(github).state == "MERGED"


def test_what_github_does_not_allow_is_told_in_its_words(forge, github):
    forge.set(ci=["unit"], required=["unit"], may_auto=False)
    pull = github.open(UP, HEAD, "main", "b", "")
    with pytest.raises(Unavailable, match="Auto merge is not allowed for this repository"):
        github.merge_when_ready(UP, pull, "squash")


def test_an_older_gh_is_enough(forge, github):
    forge.set(old=True, ci=["unit"], required=["unit"])
    assert github.open(UP, HEAD, "main", "b", "").auto is False
    assert one(github).number == 1
    assert github.required(UP, 1) == frozenset()


def test_many_are_asked_about_in_few_calls_and_none_is_forgotten(forge, github):
    github.open(UP, HEAD, "main", "b", "")
    with forge.open() as state:
        row = state["pulls"][0]
        state["pulls"] += [
            row | {"number": n, "state": "CLOSED" if n < 20 else "OPEN"} for n in range(2, 41)
        ]
    wanted, seen, before = tuple(range(1, 41)), set(), len(forge.calls())
    for _ in range(4):
        seen |= github.pulls(UP, wanted).keys()
    assert seen == set(wanted)
    assert len(forge.calls()) - before == 4 * 6


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (LOGIN, 4, "gh is not logged in"),
        ("HTTP 401: Bad credentials (https://api.github.com/graphql)\nTry authenticating with:"
         "  gh auth login\n", 1, "gh is not logged in"),
        (RATE, 1, "GitHub answers no more for a while: API rate limit exceeded"),
        ("You have exceeded a secondary rate limit. Please wait a few minutes\n", 1,
         "GitHub answers no more for a while"),
        (OUTAGE, 1, "gh: HTTP 503: Service Unavailable"),
        ("error connecting to api.github.com\ncheck your internet connection\n", 1,
         "gh: error connecting to api.github.com"),
    ],
)  # fmt: skip
def test_every_outage_is_one_line_that_says_what_to_do(forge, github, words, code, line):
    forge.down(words, code)
    with pytest.raises(Unavailable) as error:
        github.pulls(UP, (1,))
    assert error.value.message.startswith(line)
    assert "\n" not in error.value.message


def test_a_repository_that_is_none_of_github_is_told(forge, github):
    with pytest.raises(Unavailable, match="OWNER/REPO"):
        github.pulls("file:///srv/app.git", (1,))
