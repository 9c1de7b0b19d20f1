"""GitHub for tests: a bare repository, its pull requests in a file, and a `gh` in front of them.

`Forge(folder, repository, bare)` makes `folder/bin/gh`. That program takes what the manual of gh 2
lists (commands, flags, names of JSON fields, the form of `--repo`) and refuses all else in the words
of the real one. What people and machines do at GitHub are methods of `Forge`.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FIELDS = frozenset(
    re.findall(
        r"\w+",
        """additions assignees author autoMergeRequest baseRefName baseRefOid body changedFiles
        closed closedAt closingIssuesReferences comments commits createdAt deletions files
        fullDatabaseId headRefName headRefOid headRepository headRepositoryOwner id
        isCrossRepository isDraft labels latestReviews maintainerCanModify mergeCommit
        mergeStateStatus mergeable mergedAt mergedBy milestone number potentialMergeCommit
        projectCards projectItems reactionGroups reviewDecision reviewRequests reviews state
        statusCheckRollup title updatedAt url""",
    )
)
CHECK_FIELDS = frozenset(
    re.findall(r"\w+", "bucket completedAt description event link name startedAt state workflow")
)
FLAGS = {
    "create": {
        "assignee": "s", "base": "s", "body": "s", "body-file": "s", "draft": "", "dry-run": "",
        "editor": "", "fill": "", "fill-first": "", "fill-verbose": "", "head": "s", "label": "s",
        "milestone": "s", "no-maintainer-edit": "", "project": "s", "recover": "s",
        "reviewer": "s", "template": "s", "title": "s", "web": "",
    },
    "list": {
        "app": "s", "assignee": "s", "author": "s", "base": "s", "draft": "", "head": "s",
        "jq": "s", "json": "s", "label": "s", "limit": "s", "search": "s", "state": "s",
        "template": "s", "web": "",
    },
    "view": {"comments": "", "jq": "s", "json": "s", "template": "s", "web": ""},
    "checks": {
        "fail-fast": "", "interval": "s", "jq": "s", "json": "s", "required": "", "template": "s",
        "watch": "", "web": "",
    },
    "merge": {
        "admin": "", "author-email": "s", "auto": "", "body": "s", "body-file": "s",
        "delete-branch": "", "disable-auto": "", "match-head-commit": "s", "merge": "",
        "rebase": "", "squash": "", "subject": "s",
    },
}  # fmt: skip
REPOSITORY = re.compile(
    r"(?:(?:https://|ssh://git@|git@)?(?:[\w-]+\.)+\w+[/:])?[\w.-]+/[\w.-]+?(?:\.git)?/?"
)
LOGIN = """\
To get started with GitHub CLI, please run:  gh auth login
Alternatively, populate the GH_TOKEN environment variable with a GitHub API authentication token.
"""
RATE = "GraphQL: API rate limit exceeded for user ID 583231.\n"
OUTAGE = "HTTP 503: Service Unavailable (https://api.github.com/graphql)\n"


class RefusedError(Exception):
    """What the program prints on its error stream, and its exit code."""

    def __init__(self, words: str, code: int = 1) -> None:
        super().__init__(words)
        self.words, self.code = words, code


class Forge:
    """One repository at GitHub."""

    def __init__(self, folder: Path, repository: str, bare: Path) -> None:
        """Make the program in `folder/bin`, for the bare repository as OWNER/NAME."""
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        start = {
            "repository": repository, "bare": str(bare), "pulls": [], "down": None, "calls": [],
            "ci": [], "required": [], "strict": False, "may_auto": True, "old": False,
        }  # fmt: skip
        (folder / "state.json").write_text(json.dumps(start))
        program = self.bin / "gh"
        program.write_text(
            f'#!/bin/sh\nexec {sys.executable} -S {Path(__file__).resolve()} {folder} "$@"\n'
        )
        program.chmod(0o755)

    @contextmanager
    def open(self) -> Iterator[dict[str, Any]]:
        """The state, written back at the end."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            file = self.folder / "state.json"
            state = json.loads(file.read_text())
            Server(state).settle()
            yield state
            Server(state).settle()
            file.write_text(json.dumps(state))

    def pulls(self) -> list[dict[str, Any]]:
        """All pull requests, the oldest first."""
        with self.open() as state:
            return list(state["pulls"])

    def calls(self) -> list[list[str]]:
        """What the program was asked."""
        with self.open() as state:
            return list(state["calls"])

    def set(self, **values: Any) -> None:
        """Change how the repository is set up: ci, required, strict, may_auto, old, down."""
        with self.open() as state:
            assert values.keys() <= state.keys()
            state.update(values)

    def down(self, words: str = OUTAGE, code: int = 1) -> None:
        """Every call fails from now on."""
        self.set(down=[words, code])

    def up(self) -> None:
        self.set(down=None)

    def change(self, number: int, **values: Any) -> None:
        """Change a pull request: isDraft, review, reviews, state, base."""
        with self.open() as state:
            state["pulls"][number - 1].update(values)

    def check(self, number: int, name: str, conclusion: str) -> None:
        """A check of the head has ended."""
        with self.open() as state:
            checks = Server(state).checks(state["pulls"][number - 1])
            next(one for one in checks if one["name"] == name)["conclusion"] = conclusion

    def merge(self, number: int, how: str) -> str:
        """Somebody merges it there; the commit."""
        with self.open() as state:
            server, pull = Server(state), state["pulls"][number - 1]
            server.merge(pull, how)
            return str(pull["merged"])


class Server:
    """What GitHub does with its state."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state

    def git(self, *args: str, ok: tuple[int, ...] = (0,)) -> str:
        who = {f"GIT_{role}_{what}": value for role in ("AUTHOR", "COMMITTER")
               for what, value in (("NAME", "GitHub"), ("EMAIL", "noreply@github.com"))}  # fmt: skip
        clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", "-C", self.state["bare"], *args], env=clean | who, capture_output=True,
            text=True, check=False,
        )  # fmt: skip
        if done.returncode not in ok:
            raise RuntimeError(f"{args}: {done.stderr}")
        return done.stdout.strip()

    def tip(self, branch: str) -> str:
        return self.git("rev-parse", "-q", "--verify", f"refs/heads/{branch}", ok=(0, 1))

    def checks(self, pull: dict[str, Any]) -> list[dict[str, str]]:
        """Those of its head; a head that is new has them all before it."""
        fresh = [{"name": name, "conclusion": ""} for name in self.state["ci"]]
        found: list[dict[str, str]] = pull["checks"].setdefault(pull["oid"], fresh)
        return found

    def settle(self) -> None:
        """Heads follow their branches; a branch that is gone closes its request; auto-merge."""
        for pull in self.state["pulls"]:
            if pull["state"] != "OPEN" or pull["isCrossRepository"]:
                continue
            tip = self.tip(pull["head"])
            if not tip:
                pull["state"] = "CLOSED"
                continue
            pull["oid"] = tip
            self.checks(pull)
            if pull["auto"] and self.status(pull) == "CLEAN":
                self.merge(pull, pull["auto"])

    def tree(self, base: str, head: str) -> str:
        """The tree of a merge; empty when it conflicts."""
        out = self.git("merge-tree", "--write-tree", base, head, ok=(0, 1))
        return out if len(out.split()) == 1 else ""

    def status(self, pull: dict[str, Any]) -> str:
        base, checks = self.tip(pull["base"]), self.checks(pull)
        if pull["isDraft"]:
            return "DRAFT"
        if not self.tree(base, pull["oid"]):
            return "DIRTY"
        if (
            self.state["strict"]
            and self.git("rev-list", "--count", f"{pull['oid']}..{base}") != "0"
        ):
            return "BEHIND"
        required = [one for one in checks if one["name"] in self.state["required"]]
        if pull["review"] in {"CHANGES_REQUESTED", "REVIEW_REQUIRED"}:
            return "BLOCKED"
        if any(one["conclusion"] != "SUCCESS" for one in required):
            return "BLOCKED"
        return "CLEAN" if all(one["conclusion"] == "SUCCESS" for one in checks) else "UNSTABLE"

    def merge(self, pull: dict[str, Any], how: str) -> None:
        """By squash, rebase or merge; the base moves without its hooks."""
        base, head = self.tip(pull["base"]), pull["oid"]
        if how == "rebase":
            new = base
            for commit in self.git("rev-list", "--reverse", f"{base}..{head}").splitlines():
                words = self.git("log", "-1", "--format=%B", commit)
                new = self.git("commit-tree", self.tree(new, commit), "-p", new, "-m", words)
        else:
            parents = ["-p", base] + (["-p", head] if how == "merge" else [])
            title = f"{pull['title']} (#{pull['number']})"
            new = self.git("commit-tree", self.tree(base, head), *parents, "-m", title)
        self.git("update-ref", f"refs/heads/{pull['base']}", new, base)
        pull.update(state="MERGED", merged=new, auto="")

    def row(self, pull: dict[str, Any]) -> dict[str, Any]:
        """A pull request with those JSON fields that are used here."""
        is_open = pull["state"] == "OPEN"
        status = self.status(pull) if is_open else "UNKNOWN"
        return {
            "number": pull["number"], "state": pull["state"], "title": pull["title"],
            "body": pull["body"], "isDraft": pull["isDraft"], "headRefName": pull["head"],
            "url": f"https://github.com/{self.state['repository']}/pull/{pull['number']}",
            "headRefOid": pull["oid"], "baseRefName": pull["base"],
            "isCrossRepository": pull["isCrossRepository"], "mergeStateStatus": status,
            "mergeCommit": {"oid": pull["merged"]} if pull["merged"] else None,
            "mergeable": ("CONFLICTING" if status == "DIRTY" else "MERGEABLE") if is_open
            else "UNKNOWN",
            "reviewDecision": pull["review"], "latestReviews": pull["reviews"],
            "autoMergeRequest": {"mergeMethod": pull["auto"].upper()} if pull["auto"] else None,
            "statusCheckRollup": [
                {"__typename": "CheckRun", "name": one["name"], "workflowName": "CI",
                 "status": "COMPLETED" if one["conclusion"] else "IN_PROGRESS",
                 "conclusion": one["conclusion"],
                 "detailsUrl": f"https://github.com/{self.state['repository']}/runs/{one['name']}"}
                for one in self.checks(pull)
            ],
        }  # fmt: skip


class Program:
    """One call of `gh`."""

    def __init__(self, server: Server, stdin: str) -> None:
        self.server, self.state, self.stdin = server, server.state, stdin

    def run(self, arguments: list[str]) -> str:
        """What is printed.

        Raises:
            RefusedError: with what the real one says.
        """
        if arguments[:1] != ["pr"] or len(arguments) < 2 or arguments[1] not in FLAGS:
            raise RefusedError(f'unknown command "{" ".join(arguments[:2])}" for "gh"\n')
        verb = arguments[1]
        flags, rest = self._flags(verb, arguments[2:])
        if self.state["down"]:
            raise RefusedError(*self.state["down"])
        repository = flags.pop("repo", "")
        if not REPOSITORY.fullmatch(repository):
            raise RefusedError(f'expected the "[HOST/]OWNER/REPO" format, got "{repository}"\n')
        name = "/".join(repository.removesuffix(".git").replace(":", "/").split("/")[-2:])
        if name != self.state["repository"]:
            raise RefusedError(
                f"GraphQL: Could not resolve to a Repository with the name '{name}'.\n"
            )
        return getattr(self, f"_{verb}")(flags, rest)

    def _flags(self, verb: str, arguments: list[str]) -> tuple[dict[str, str], list[str]]:
        known = FLAGS[verb] | {"repo": "s"}
        if self.state["old"] and verb == "checks":  # gh 2.23, as Debian 12 has it
            known.pop("json")
        flags: dict[str, str] = {}
        rest: list[str] = []
        todo = list(arguments)
        while todo:
            one = todo.pop(0)
            if not one.startswith("--"):
                rest.append(one)
                continue
            name, given, value = one[2:].partition("=")
            if name not in known:
                raise RefusedError(f"unknown flag: --{name}\n\nUsage:  gh pr {verb} [flags]\n")
            if known[name] and not given:
                if not todo:
                    raise RefusedError(f"flag needs an argument: --{name}\n")
                value = todo.pop(0)
            flags[name] = value or "true"
        return flags, rest

    def _json(self, rows: Any, flags: dict[str, str], known: frozenset[str]) -> str:
        wanted = flags["json"].split(",")
        if self.state["old"]:
            known -= {"autoMergeRequest"}
        for one in wanted:
            if one not in known:
                raise RefusedError(f'Unknown JSON field: "{one}"\nAvailable fields:\n  number\n')
        if isinstance(rows, list):
            return json.dumps([{key: row[key] for key in wanted} for row in rows])
        return json.dumps({key: rows[key] for key in wanted})

    def _pull(self, rest: list[str]) -> dict[str, Any]:
        number = int(rest[0]) if len(rest) == 1 and rest[0].isdigit() else 0
        if not 0 < number <= len(self.state["pulls"]):
            raise RefusedError(
                "GraphQL: Could not resolve to a PullRequest with the number of"
                f" {number}. (repository.pullRequest)\n"
            )
        found: dict[str, Any] = self.state["pulls"][number - 1]
        return found

    def _create(self, flags: dict[str, str], rest: list[str]) -> str:
        if rest or "title" not in flags or not {"body", "body-file"} & flags.keys():
            raise RefusedError(
                "must provide `--title` and `--body` when not running interactively\n"
            )
        head, base = flags["head"], flags["base"]
        for branch in (head, base):
            if not self.server.tip(branch):
                raise RefusedError("pull request create failed: GraphQL: Head sha can't be blank\n")
        if self.server.git("rev-list", "--count", f"{base}..{head}") == "0":
            raise RefusedError(f"pull request create failed: GraphQL: No commits between {base} and"
                          f" {head} (createPullRequest)\n")  # fmt: skip
        where = f"https://github.com/{self.state['repository']}/pull/"
        for one in self.state["pulls"]:
            if one["head"] == head and one["state"] == "OPEN" and not one["isCrossRepository"]:
                raise RefusedError(f'a pull request for branch "{head}" into branch "{base}" already'
                              f" exists:\n{where}{one['number']}\n")  # fmt: skip
        number = len(self.state["pulls"]) + 1
        body = self.stdin if flags.get("body-file") == "-" else flags.get("body", "")
        self.state["pulls"].append({
            "number": number, "head": head, "base": base, "title": flags["title"], "body": body,
            "state": "OPEN", "oid": self.server.tip(head), "merged": "", "auto": "", "review": "",
            "reviews": [], "isDraft": "draft" in flags, "isCrossRepository": False, "checks": {},
        })  # fmt: skip
        return f"{where}{number}\n"

    def _list(self, flags: dict[str, str], rest: list[str]) -> str:
        if rest:
            raise RefusedError(f'unknown argument "{rest[0]}"\n')
        state = flags.get("state", "open").upper()
        prefix = flags.get("search", "").removeprefix("head:")
        rows = [
            self.server.row(one)
            for one in reversed(self.state["pulls"])
            if state in {one["state"], "ALL"}
            and flags.get("head", one["head"]) == one["head"]
            and one["head"].startswith(prefix)
        ]
        return self._json(rows[: int(flags.get("limit", "30"))], flags, FIELDS)

    def _view(self, flags: dict[str, str], rest: list[str]) -> str:
        return self._json(self.server.row(self._pull(rest)), flags, FIELDS)

    def _checks(self, flags: dict[str, str], rest: list[str]) -> str:
        pull = self._pull(rest)
        found = self.server.checks(pull)
        if not found:
            raise RefusedError(f"no checks reported on the '{pull['head']}' branch\n")
        if "required" in flags:
            found = [one for one in found if one["name"] in self.state["required"]]
            if not found:
                raise RefusedError(f"no required checks reported on the '{pull['head']}' branch\n")
        buckets = {"": "pending", "SUCCESS": "pass"}
        rows = [{"name": one["name"], "bucket": buckets.get(one["conclusion"], "fail")}
                for one in found]  # fmt: skip
        return self._json(rows, flags, CHECK_FIELDS)

    def _merge(self, flags: dict[str, str], rest: list[str]) -> str:
        pull = self._pull(rest)
        how = [one for one in ("merge", "rebase", "squash") if one in flags]
        if len(how) != 1:
            raise RefusedError(
                "--merge, --rebase, or --squash required when not running interactively\n"
            )
        if flags.get("match-head-commit", pull["oid"]) != pull["oid"]:
            raise RefusedError("GraphQL: Head branch was modified. Review and try the merge again."
                          " (enablePullRequestAutoMerge)\n")  # fmt: skip
        if pull["isDraft"]:
            raise RefusedError("GraphQL: Pull Request is still a draft (mergePullRequest)\n")
        if self.server.status(pull) in {"CLEAN", "UNSTABLE"}:
            self.server.merge(pull, how[0])
        elif not self.state["may_auto"]:
            raise RefusedError("GraphQL: Pull request Auto merge is not allowed for this repository"
                          " (enablePullRequestAutoMerge)\n")  # fmt: skip
        else:
            pull["auto"] = how[0]
        return ""


def main() -> None:
    folder, arguments = Path(sys.argv[1]), sys.argv[2:]
    stdin = sys.stdin.read() if "--body-file=-" in arguments else ""
    forge = Forge.__new__(Forge)
    forge.folder = folder
    try:
        with forge.open() as state:
            state["calls"].append(arguments)
            try:
                out = Program(Server(state), stdin).run(arguments)
            except RefusedError as refused:
                print(refused.words, end="", file=sys.stderr)
                code = refused.code
            else:
                print(out)
                code = 0
    finally:
        sys.stdout.flush()
    raise SystemExit(code)


if __name__ == "__main__":
    main()
