"""`gastown rig add --dry-run`: what is in a project, what would be done, what is proposed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from gastown_tui.cli.common import plain
from gastown_tui.cli.entry import short
from gastown_tui.cli.findings import finding_lines
from gastown_tui.cli.rig_decide import Asked, open_questions, proposal
from gastown_tui.cli.rig_file import Origin, rig_toml
from gastown_tui.domain.doctor.finding import Finding
from gastown_tui.domain.errors import BadInput
from gastown_tui.domain.repository import Around, RepositoryFacts, of_repository

if TYPE_CHECKING:
    from gastown_tui.adapters.git.hub import HubInfo
    from gastown_tui.adapters.git.inspect import Looked


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """All that a dry run shows."""

    town: Path
    origin: Origin
    asked: Asked
    facts: RepositoryFacts
    findings: list[Finding]
    questions: list[str]

    @property
    def text(self) -> str:
        """The `rig.toml` that is proposed."""
        return rig_toml(self.origin, proposal(self.facts, self.asked))


def preview(
    town: Path, names: tuple[str, str], source: str, asked: Asked, flags: Mapping[str, object]
) -> Preview:
    """Look at a project; nothing is made but a temporary folder, for an address.

    Args:
        town: the town's folder.
        names: the rig's name and its prefix.
        source: a URL or a path.
        asked: of the command line.
        flags: those of consent.

    Raises:
        BadInput: no such source.
        GitFailed: it cannot be reached or read.
    """
    from gastown_tui.adapters.git.inspect import opened

    with opened(source) as at:
        facts = seen(at)
        upstream = at.origin
    origin = Origin(
        name=names[0], prefix=facts.beads_prefix or names[1], upstream=upstream,
        source=facts.source, branch=facts.default,
    )  # fmt: skip
    return Preview(
        town=town, origin=origin, asked=asked, facts=facts,
        findings=of_repository(facts, around(town, asked.land or "local")),
        questions=open_questions(facts, asked, flags),
    )  # fmt: skip


def seen(at: Looked) -> RepositoryFacts:
    """The facts of a repository, with what its host says of it."""
    from gastown_tui.adapters.git.inspect import look
    from gastown_tui.adapters.protection import is_protected

    facts = look(at)
    protected = is_protected(at.origin, at.default, os.environ)
    return msgspec.structs.replace(facts, is_protected=protected)


def seen_in_hub(hub: HubInfo, source: Path | None) -> RepositoryFacts:
    """The facts of a project that was just cloned."""
    from gastown_tui.adapters.git.inspect import Looked
    from gastown_tui.adapters.git.run import Git

    tip = Git(hub.path).text("rev-parse", "--verify", hub.upstream_ref)
    return seen(
        Looked(
            git_dir=hub.path,
            origin=hub.origin,
            default=hub.default,
            tip=tip,
            source=source,
            is_pushable=hub.pushable,
        )
    )


def around(town: Path, land: str) -> Around:
    """What the machine and the town have for a project."""
    import shutil

    from gastown_tui.adapters.doctor.programs import lfs_version
    from gastown_tui.roots.town import town_config

    return Around(
        disk_free=shutil.disk_usage(town).free,
        max_working=town_config(town).limits.max_working,
        has_lfs=bool(lfs_version(os.environ)),
        land=land,
    )


def refuse_unfit(findings: list[Finding]) -> None:
    """Refuse a project that cannot be a rig.

    Raises:
        BadInput: with the first thing that fails, and its remedy.
    """
    for one in findings:
        if one.level == "fail":
            raise BadInput(f"{one.about}: {one.text}", hint=one.remedy)


def page(seen_now: Preview, columns: int) -> Iterator[str]:
    """The report, a line at a time."""
    origin, facts = seen_now.origin, seen_now.facts
    name, home = origin.name, short(seen_now.town / origin.name)
    yield f"The rig {name} of {plain(short(Path(facts.source)) if facts.source else facts.origin)}."
    yield "Nothing is made yet, and nothing there was changed."
    yield ""
    yield "It would"
    for line in _deeds(seen_now, home):
        yield f"  - {line}"
    yield ""
    yield "Found"
    yield from finding_lines(seen_now.findings, columns)
    yield ""
    if seen_now.questions and not seen_now.asked.is_yes:
        yield "Asked at a terminal; elsewhere the safe answer is taken"
        yield from (f"  - {one}" for one in seen_now.questions)
        yield ""
    yield f"{home}/rig.toml would be"
    yield from (f"  {plain(line)}".rstrip() for line in seen_now.text.splitlines())
    yield ""
    if not seen_now.asked.gates and facts.setup.tests:
        tests = " or ".join(f"--gate '{plain(one)}'" for one in facts.setup.tests)
        yield f"It seems to be tested by: {tests}"
    bad = [one for one in seen_now.findings if one.level == "fail"]
    if bad:
        yield f"It cannot be added so: {plain(bad[0].about)}, {plain(bad[0].remedy)}."


def _deeds(seen_now: Preview, home: str) -> Iterator[str]:
    origin, facts = seen_now.origin, seen_now.facts
    upstream, decided = plain(facts.origin), proposal(facts, seen_now.asked)
    yield f"clone {upstream} ({plain(facts.default)}) to {home}/repo"
    own = "the beads that it tracks" if facts.beads_prefix else "its beads"
    yield f"keep {own}, {plain(origin.prefix)}-..., in {home}/.beads"
    if decided.uses_setup and decided.setup.copy:
        yield f"copy into each sandbox: {plain(', '.join(decided.setup.copy))}"
    if decided.uses_setup and decided.setup.run:
        yield f"run in each sandbox: {plain('; '.join(decided.setup.run))}"
    match decided.land:
        case "push":
            yield f"push what is approved to {plain(facts.default)} of {upstream}"
        case "pr":
            yield f"open pull requests to {plain(facts.default)} of {upstream}"
        case _:
            yield f"land on gastown/{plain(facts.default)} in that clone: you fetch it from there"
            yield f"write nothing to {upstream}"
    if facts.source and facts.source != facts.origin:
        yield f"write nothing to {short(Path(facts.source))}: it lends its objects to the clone"


def as_json(seen_now: Preview) -> dict[str, Any]:
    """The same for programs."""
    found: dict[str, Any] = {
        "name": seen_now.origin.name,
        "ok": all(one.level != "fail" for one in seen_now.findings),
        "findings": msgspec.to_builtins(seen_now.findings),
        "facts": msgspec.to_builtins(seen_now.facts),
        "questions": seen_now.questions,
        "rig_toml": seen_now.text,
    }
    return found
