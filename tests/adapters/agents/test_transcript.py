"""What a conversation holds, and what it costs to send it again."""

from __future__ import annotations

import json

from gastown_tui.adapters.agents.transcript import Transcript
from gastown_tui.domain.agents.catalogue import Price

PRICE = Price(model="claude-x", input=3.0, output=15.0, cache_write=4.0, cache_read=0.3)


def answer(name, *, side=False, **tokens):
    usage = {f"{key}_tokens": value for key, value in tokens.items()}
    message = {"id": name, "model": "claude-x-1", "usage": usage}
    return json.dumps({"type": "assistant", "isSidechain": side, "message": message}) + "\n"


def test_the_newest_answer_of_the_agent_itself_says_what_a_resumption_sends_again(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text(
        answer("a", input=10, output=5, cache_creation_input=90_000)
        + answer("b", input=10, output=990, cache_read_input=90_000, cache_creation_input=9_000)
        + answer("helper", side=True, input=500)
    )
    found = Transcript(path, [PRICE])
    found.read()
    assert found.context == 100_000
    assert found.resume_cost == 0.4
    assert found.usage.total == 90_015 + 100_000 + 500


def test_a_conversation_without_answers_costs_nothing(tmp_path):
    found = Transcript(tmp_path / "none", [PRICE])
    found.read()
    assert (found.context, found.resume_cost) == (0, 0.0)
