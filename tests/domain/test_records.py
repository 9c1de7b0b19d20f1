"""Entities of the town survive their beads; settings and names refuse what they cannot be."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.domain import names, records
from gastown_tui.domain.audience import ANYBODY, MAYOR, OVERSEER, check
from gastown_tui.domain.bead import Bead
from gastown_tui.domain.bead_edit import LONGEST_TITLE
from gastown_tui.domain.config import read_rig, read_town
from gastown_tui.domain.errors import BadInput, Forbidden
from gastown_tui.domain.operations import SetField, SetState
from gastown_tui.domain.town import Agent, Request

WORD = st.text("abcz019-@/._", min_size=0, max_size=12)


def made(kind, **fixed):
    """A struct of a kind with any values in its fields."""
    values = {str: WORD, int: st.integers(0, 99), float: st.just(0.0)}
    fields = {one.name: values[one.type] for one in msgspec.structs.fields(kind)}
    return st.builds(kind, **(fields | {key: st.just(value) for key, value in fixed.items()}))


def applied(bead: Bead, operations) -> Bead:
    for one in operations:
        if isinstance(one, SetField):
            bead = msgspec.structs.replace(bead, **{one.field: one.value or ""})
        elif isinstance(one, SetState):
            kept = [label for label in bead.labels if not label.startswith(f"{one.dimension}:")]
            kept += [] if one.value is None else [f"{one.dimension}:{one.value}"]
            bead = msgspec.structs.replace(bead, labels=tuple(kept))
    return bead


@settings(deadline=None)
@given(made(Agent, address="r/polecats/x", record="hq-x", rig="r", wanted_why=""))
def test_an_agent_is_what_its_record_says(agent):
    bead = msgspec.convert(records.create_agent(agent).fields(), Bead)
    read = records.agent_of(bead)
    assert {k: v for k, v in msgspec.structs.asdict(read).items() if v} == {
        k: v for k, v in msgspec.structs.asdict(agent).items() if v
    } | {k: f.default for k, f in _defaults(Agent).items() if not getattr(agent, k) and f.default}


def _defaults(kind):
    return {f.name: f for f in msgspec.structs.fields(kind) if f.default is not msgspec.NODEFAULT}


@settings(deadline=None)
@given(made(Request, id="hq-1", rig="r", bead="gt-1", agent="a"))
def test_a_request_takes_every_change_of_its_fields(request):
    names_ = [*records._REQUEST_LABELS, *records._REQUEST_FIELDS]
    bead = Bead(id="hq-1", labels=("rig:r", "bead:gt-1", "agent:a"))
    changes = {name: getattr(request, name) for name in names_}
    read = records.request_of(applied(bead, records.change_request("hq-1", **changes)))
    default = _defaults(Request)
    for name, value in changes.items():
        assert getattr(read, name) == (value or default[name].default if name in default else value)


@given(st.text())
def test_any_text_is_a_title(text):
    line = records.one_line(text, "nothing")
    assert len(line.encode()) <= LONGEST_TITLE
    assert "\n" not in line


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[limits]\nmax_workin = 3", "max_working"),
        ("[limits]\nmax_working = 0", ""),
        ("agent = 3", ""),
        ("[limits", "mend"),
    ],
)
def test_a_wrong_town_file_names_what_is_meant(text, hint):
    with pytest.raises(BadInput) as error:
        read_town(text)
    assert "town.toml" in error.value.message
    assert hint in error.value.hint


RIG = 'name = "r"\nprefix = "gt"\nupstream = "u"\n'


@pytest.mark.parametrize(
    "line", ['land = "ftp"', 'review = "always"', "batch = 0", "gate_timeout_s = 0", 'gate = ["x"]']
)
def test_a_wrong_rig_file_is_refused(line):
    assert read_rig(RIG).land == "local"
    with pytest.raises(BadInput):
        read_rig(RIG + line)


@pytest.mark.parametrize(
    "name", ["", "-x", "..", "a/b", "A", "a b", "x" * 41, "mayor", "hq", "é", "a\n"]
)
def test_names_are_never_paths_or_options(name):
    for checked in (names.check_rig, names.check_agent):
        with pytest.raises(BadInput):
            checked(name)


@pytest.mark.parametrize("name", ["../x/polecats/y", "r/polecats", "r/x/y", "r/polecats/../z"])
def test_addresses_stay_in_the_town(name):
    with pytest.raises(BadInput):
        names.split_address(name)


def test_the_shipped_names_are_names():
    assert len(set(names.POOL)) == len(names.POOL) >= 50
    for name in names.POOL:
        assert names.split_address(names.polecat("r", name)) == ("r", "polecat", name)


def test_who_may_ask_what():
    for verb in OVERSEER | ANYBODY | MAYOR:
        check(verb, None)
    for verb in OVERSEER:
        with pytest.raises(Forbidden):
            check(verb, "r/polecats/x")
    for verb in OVERSEER - MAYOR:
        with pytest.raises(Forbidden):
            check(verb, "mayor")
    for verb in ANYBODY:
        check(verb, "r/polecats/x")
