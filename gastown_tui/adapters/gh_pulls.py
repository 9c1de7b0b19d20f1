"""Pull requests through `gh`, which knows how the person is logged in.

Commands and fields are those of gh 2: `gh pr create --head --base --title --body-file -`, `gh pr
list --search --json`, `gh pr view --json`, `gh pr checks --required --json`, `gh pr merge --auto`.
Check runs have `status` and `conclusion`, statuses of other programs have `state`. gh 2.23 does not
know the field `autoMergeRequest` nor `gh pr checks --json`, and is enough without.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from gastown_tui.adapters.gh import Gh
from gastown_tui.domain import pulls
from gastown_tui.domain.errors import Unavailable
from gastown_tui.domain.pulls import Check, Pull

_FIELDS: Final = (
    "number,url,state,headRefOid,baseRefName,mergeCommit,mergeable,mergeStateStatus,"
    "isCrossRepository,reviewDecision,statusCheckRollup"
)
_NEWER: Final = "autoMergeRequest"
"""A field that older programs do not know."""
_SHA: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_WORD: Final = re.compile(r"[A-Z_]{1,40}")
_MOST: Final = 100
"""Pull requests that are asked for in one call."""
_ALONE: Final = 5
"""Of those that such a call does not name, how many are asked for one by one at a time."""
_PASSED: Final = frozenset({"SUCCESS", "NEUTRAL", "SKIPPED"})
_PENDING: Final = frozenset({"", "PENDING", "EXPECTED", "STALE"})
_METHODS: Final = frozenset({"squash", "rebase", "merge"})
_NONE_REQUIRED: Final = ("no required checks", "no checks reported", "unknown flag")


class PullRequests:
    """The pull requests of a town's rigs. What GitHub says of them is cleaned here."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._gh = Gh(env)
        self._fields = f"{_FIELDS},{_NEWER}"
        self._asked: dict[tuple[str, int], int] = {}
        self._turn = 0

    def _read(self, repository: str, *arguments: str) -> Any:
        """What `gh ARGUMENTS --json=...` says of pull requests."""
        try:
            return self._gh.json(repository, *arguments, f"--json={self._fields}")
        except Unavailable as error:
            if _NEWER not in error.message or self._fields == _FIELDS:
                raise
        self._fields = _FIELDS
        return self._gh.json(repository, *arguments, f"--json={self._fields}")

    def open(self, repository: str, branch: str, base: str, title: str, body: str) -> Pull:
        """The open pull request of a branch, made when there is none."""
        found = self._of_branch(repository, branch)
        if found is None:
            self._gh.run(
                repository, "pr", "create", f"--head={branch}", f"--base={base}",
                f"--title={title}", "--body-file=-", stdin=body,
            )  # fmt: skip
            found = self._of_branch(repository, branch)
        if found is None:
            raise Unavailable(f"GitHub does not show the pull request of {branch} yet")
        return found

    def _of_branch(self, repository: str, branch: str) -> Pull | None:
        """That of the repository's own branch, and none of a fork's of the same name."""
        rows = self._read(
            repository, "pr", "list", f"--head={branch}", "--state=open", f"--limit={_MOST}"
        )
        own = [row for row in _list(rows) if _get(row, "isCrossRepository") is not True]
        return next(iter(_pulls(own)), None)

    def pulls(self, repository: str, numbers: tuple[int, ...]) -> dict[int, Pull]:
        """How these stand: one call for the open ones, and one for each of a few others."""
        if len(numbers) == 1:
            return {one.number: one for one in self._alone(repository, numbers[0])}
        rows = self._read(
            repository, "pr", "list", "--state=open", "--search=head:gastown/", f"--limit={_MOST}"
        )
        found = {one.number: one for one in _pulls(rows)}
        missing = [one for one in numbers if one not in found]
        self._turn += 1
        for number in sorted(missing, key=lambda one: self._asked.get((repository, one), 0))[
            :_ALONE
        ]:
            self._asked[repository, number] = self._turn
            found |= {one.number: one for one in self._alone(repository, number)}
        return {number: found[number] for number in numbers if number in found}

    def _alone(self, repository: str, number: int) -> list[Pull]:
        return _pulls([self._read(repository, "pr", "view", str(number))])

    def required(self, repository: str, number: int) -> frozenset[str]:
        """Names of the checks that must pass; empty when none must, or nobody can tell."""
        try:
            rows = self._gh.json(
                repository, "pr", "checks", str(number), "--required", "--json=name,bucket"
            )
        except Unavailable as error:
            if any(words in error.message for words in _NONE_REQUIRED):
                return frozenset()
            raise
        return frozenset(pulls.text(_get(row, "name")) for row in _list(rows))

    def requested(self, repository: str, number: int, head: str) -> tuple[tuple[str, str], ...]:
        """Who requests changes of this head, and in what words; nothing where gh does not say.

        The newest review of each reviewer counts that is more than a comment.
        """
        row = self._gh.json(repository, "pr", "view", str(number), "--json=reviews")
        newest: dict[str, Any] = {}
        for one in _list(_get(row, "reviews")):
            if _word(one, "state") != "COMMENTED":
                newest[pulls.text(_get(_get(one, "author"), "login"), 60) or "somebody"] = one
        return tuple(
            (who, pulls.quoted(str(_get(one, "body") or "")))
            for who, one in newest.items()
            if _word(one, "state") == "CHANGES_REQUESTED"
            and _sha(_get(_get(one, "commit"), "oid")) == head
        )

    def merge_when_ready(self, repository: str, pull: Pull, method: str) -> None:
        """Let GitHub merge it by itself as soon as it may, if its head is still this one."""
        if method not in _METHODS:
            raise Unavailable(f"{method!r} is no way to merge")
        head = [f"--match-head-commit={pull.head}"] if pull.head else []
        self._gh.run(repository, "pr", "merge", str(pull.number), "--auto", f"--{method}", *head)


def _pulls(rows: Any) -> list[Pull]:
    found = [_pull(row) for row in _list(rows)]
    return [one for one in found if one is not None]


def _pull(row: Any) -> Pull | None:
    number = _get(row, "number")
    if not isinstance(number, int) or isinstance(number, bool) or number < 1:
        return None
    return Pull(
        number=number,
        url=pulls.link(_get(row, "url")),
        state=_word(row, "state"),
        head=_sha(_get(row, "headRefOid")),
        merged=_sha(_get(_get(row, "mergeCommit"), "oid")),
        base=pulls.text(_get(row, "baseRefName"), 200),
        mergeable=_word(row, "mergeable"),
        status=_word(row, "mergeStateStatus"),
        review=_word(row, "reviewDecision"),
        auto=bool(_get(row, "autoMergeRequest")),
        checks=tuple(_check(one) for one in _list(_get(row, "statusCheckRollup"))),
    )


def _check(row: Any) -> Check:
    required = _get(row, "isRequired")
    workflow = pulls.text(_get(row, "workflowName"), 60)
    name = pulls.text(_get(row, "name") or _get(row, "context")) or workflow or "without a name"
    return Check(
        name=name,
        state=_state(row),
        link=pulls.link(_get(row, "detailsUrl") or _get(row, "targetUrl")),
        is_required=required if isinstance(required, bool) else None,
    )


def _state(row: Any) -> Literal["passed", "failed", "pending"]:
    if _get(row, "__typename") == "StatusContext" or "status" not in (row or {}):
        word = _word(row, "state")
    else:
        word = _word(row, "conclusion") if _word(row, "status") == "COMPLETED" else ""
    if word in _PASSED:
        return "passed"
    return "pending" if word in _PENDING else "failed"


def _list(value: Any) -> list[Any]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _get(row: Any, key: str) -> Any:
    return row.get(key) if isinstance(row, dict) else None


def _word(row: Any, key: str) -> str:
    value = _get(row, key)
    return value if isinstance(value, str) and _WORD.fullmatch(value) else ""


def _sha(value: Any) -> str:
    return value if isinstance(value, str) and _SHA.fullmatch(value) else ""
