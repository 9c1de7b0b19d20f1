"""`gastown rig publish`: what has landed in the hub goes upstream."""

from __future__ import annotations

import click

from gastown_tui.cli.common import ask, plain, show
from gastown_tui.domain.errors import BadInput

_PUSH_S = 900.0
"""Seconds to wait for a fetch and a push."""
_SHOWN = 30
"""Commits that are named one by one."""


@click.command("publish")
@click.argument("name")
@click.option("--pr", "by_pull", is_flag=True, help="Open one pull request, instead of a push.")
@click.option("-n", "--dry-run", is_flag=True, help="Say what would go, and stop.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
def rig_publish(name: str, by_pull: bool, dry_run: bool, yes: bool) -> None:
    """Push what has landed in the rig NAME to its upstream, after a look at what that is."""
    import msgspec

    from gastown_tui.cli.consent import is_person
    from gastown_tui.services.ports_upstream import Unpublished

    there = msgspec.json.decode(ask("unpublished", name, wait_s=_PUSH_S), type=Unpublished)
    if not there.count:
        show(f"Everything that has landed in {plain(name)} is upstream already.")
        return
    for line in _listed(there.count, [(c.sha, c.author, c.subject) for c in there.commits]):
        show(line)
    authors = sorted({commit.author for commit in there.commits})
    how = "one pull request to" if by_pull else "a push to"
    show(f"By {plain(', '.join(authors))}. It goes by {how} {plain(there.origin)}.")
    if dry_run:
        return
    if not yes:
        if not is_person():
            raise BadInput("nobody is here to say yes", hint="look at the list, then add --yes")
        if not click.confirm("Publish it?", default=False):
            return
    pull = "yes" if by_pull else ""
    show(ask("publish", name, wait_s=_PUSH_S, tip=there.tip, pr=pull))


def _listed(count: int, commits: list[tuple[str, str, str]]) -> list[str]:
    """The commits as lines, the first ones named."""
    lines = [f"{sha[:10]}  {plain(subject)}  ({plain(who)})" for sha, who, subject in commits]
    rest = count - min(len(lines), _SHOWN)
    more = [f"and {rest} more"] if rest else []
    commits_word = "commit" if count == 1 else "commits"
    return [f"{count} unpublished {commits_word}:", *lines[:_SHOWN], *more]
