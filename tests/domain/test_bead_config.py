"""Custom types and statuses, however they are declared."""

from __future__ import annotations

import pytest

from gastown_tui.domain.bead_config import declared, declaring, names

FORMS = {
    "text": "a: 1\ntypes.custom: agent, role # ours\nb: 2\n",
    "quoted": "types.custom: 'agent,role'\nb: [x]\n",
    "brackets": 'types.custom: [agent, "role"]\n',
    "brackets on lines": "types.custom: [\n  agent, # one\n  role,\n]\nb: 2\n",
    "a line each": "types.custom:\n- agent\n  # said\n- 'role'\nb:\n- no\n",
    "a line each, indented": "types.custom: # list\n\n  - agent\n  - role\n",
    "section": "b:\n  custom: no\ntypes:\n  other: 1\n  custom: agent,role\nc: 1\n",
    "list in a section": "types:\n  custom:\n    - agent\n    - role\nc: 1\n",
    "windows": "types.custom:\r\n  - agent\r\n  - role\r\nb: 2\r\n",
}


@pytest.mark.parametrize("text", FORMS.values(), ids=FORMS)
def test_every_form_is_read_and_added_to_in_place(text):
    assert declared(text, "types") == {"agent", "role"}
    assert declared(text, "status") == frozenset()
    longer = declaring(text, "types", ["warrant", "role"])
    assert declared(longer, "types") == {"agent", "role", "warrant"}
    others = [line for line in text.splitlines() if line in {"a: 1", "b: 2", "c: 1", "- no"}]
    assert [line for line in longer.splitlines() if line in others] == others
    assert declaring(longer, "types", ["role"]) == longer


def test_nothing_declared_and_categories():
    assert declared("types.custom:\nb: 1\n", "types") == declared("", "types") == frozenset()
    text = "status.custom: [review:active, qa]\n"
    assert declared(text, "status") == {"review", "qa"}
    assert names(text, "status") == ("review:active", "qa")
    assert declaring("a: 1", "status", ["x:wip"]) == 'a: 1\nstatus.custom: "x:wip"\n'
    assert "review:active" in declaring(text, "status", ["review"])
