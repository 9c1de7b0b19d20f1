"""The gate in front of the emulation: what passes, what is read, what is dropped."""

from __future__ import annotations

import re
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gastown_tui.terminal import Safety
from gastown_tui.terminal.filters import HELD_BYTES, SKIP_BYTES, Filter, FilterState
from gastown_tui.terminal.reports import Reports

PIECES = st.sampled_from(
    [
        b"plain text\r\n", b"\x1b", b"[", b"]", b"8;;http://x\x1b\\", b"\x1b]8;id=1;u\x07", b"\x1b[31m",
        b"\x1b[99999999999b", b"\x1b[38;5;99999999999m", b"\x1b[?2027h", b"\x1b[?1;69h", b"\x1b]0;title\x07", b"\x1b]9;note\x1b\\",
        b"\x1b]11;?\x07", b"\x1bP$qm\x1b\\", b"\x1bPq1234\x1b\\", b"\x1b_Gi=1;AAAA\x1b\\", b"\x1b^x", b"\x18",
        b"\x1a", b"\x07", b"\x9d8;;u\x9c", b"\xe4\xb8\xad", b"\xe4\xb8", b"\xff", b"\x1b(0", b"\x1b#8", b"\x1b7",
        b"\x00", b"\x1b\n]8;;x\x07", b"\x1b[\x9d8;;x\x07", b"\x1b[3\n1m", b";", b"4;1;50", b"\x7f", b"m", b"\\",
    ]
)  # fmt: skip
STREAMS = st.lists(st.one_of(PIECES, st.binary(max_size=12)), max_size=30).map(b"".join)


def run(
    data: bytes, cuts: list[int], safety: Safety = Safety.FULL
) -> tuple[bytes, FilterState, object]:
    reports = Reports()
    gate = Filter(safety, reports)
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out = b"".join(gate.feed(data[a:b]) for a, b in pairwise(edges))
    return out, gate.state, (reports.title, reports.progress, reports.notices)


@given(STREAMS, st.lists(st.integers(0, 500), max_size=8), st.sampled_from(Safety))
@settings(max_examples=400, deadline=None)
def test_how_the_bytes_are_cut_never_matters(data: bytes, cuts: list[int], safety: Safety) -> None:
    assert run(data, cuts, safety) == run(data, [], safety)


@given(STREAMS)
@settings(max_examples=300, deadline=None)
def test_nothing_dangerous_passes(data: bytes) -> None:
    out, state, _ = run(data, [])
    assert not re.search(rb"\x1b[\]P_^X](?!(?:4|1[012]|104|11[012])|[$+]q)", out)
    assert not re.search(rb"\x1b\[[\d;?]*\d{5}[\d;:]*[^\d;:m]", out)
    assert not re.search(rb"\x1b\[\?(?:[\d;]*;)?(?:69|2027)(?:;[\d;]*)?h", out)
    assert len(state.held) <= HELD_BYTES + 1
    plain, _, _ = run(data, [], Safety.PLAIN)
    assert not set(plain) & (set(range(0x20)) - set(b"\r\n\b\t"))


@pytest.mark.parametrize(
    "data",
    [
        b"text \x1b[1;31mred\x1b[0m\r\n",
        "中文 \x1b[48;2;1;2;3mé\x1b[m".encode(),
        b"\x1b(0\x1b7\x1b#8\x1bM\x1b[?1049h\x1b[2 q\x1b[!p\x1b[>4;2m\x1b[4:3m\x1b[12;40H\a\b\t",
    ],
)
def test_ordinary_output_passes_untouched(data: bytes) -> None:
    assert run(data, [])[0] == data


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
def test_hyperlinks_leave_their_text(end: bytes) -> None:
    data = b"a\x1b]8;id=1;http://x" + end + b"link\x1b]8;;" + end + b"b"
    assert run(data, [])[0].replace(b"\x1b\\", b"") == b"alinkb"


def test_strings_pass_by_level() -> None:
    question = b"\x1b]11;?\x07\x1bP$qm\x1b\\"
    assert run(question, [])[0] == b"\x1b]11;?\x1b\\\x1bP$qm\x1b\\\x1b\\"
    assert run(question, [], Safety.NO_HYPERLINKS)[0] == b"\x1b\\"
    assert run(b"\x1b[1mx\x1b]0;t\x07\r\n", [], Safety.PLAIN)[0] == b"x\r\n"
    assert run(b"\x1b[1mx\x1b]0;t\x07\r\n", [], Safety.PLAIN)[2] == ("t", None, [])


@pytest.mark.parametrize("start", [b"\x1b]0;", b"\x1bP", b"\x1b_", b"\x1b[", b"\x1b "])
def test_what_never_ends_is_given_up(start: bytes) -> None:
    reports = Reports()
    gate = Filter(Safety.FULL, reports)
    gate.feed(start + b"0" * 10)
    for _ in range(SKIP_BYTES // 1000 + 1):
        gate.feed(b" " * 1000)
        assert len(gate.state.held) <= HELD_BYTES + 1
    assert gate.feed(b"text again") == b"text again"


def test_reports_are_plain_bounded_lines() -> None:
    title = run("\x1b]2;a\x01b\u202ec\nd\x07".encode(), [])[2]
    assert title == ("abcd", None, [])
    notes = b"".join(b"\x1b]9;note %d %s\x07" % (n, b"x" * 300) for n in range(30))
    _, _, (_, _, kept) = run(notes + b"\x1b]777;notify;Build;done\x1b\\", [])  # type: ignore[misc]
    assert len(kept) == 20
    assert kept[-1] == "Build: done"
    assert max(map(len, kept)) == 200


@pytest.mark.parametrize(
    ("data", "progress"),
    [
        (b"4;1;42", 42), (b"4;1;999", 100), (b"4;3", -1), (b"4;3;7", -1), (b"4;2;50", -2), (b"4;0", None),
        (b"4;4;10", 10),
    ],
)  # fmt: skip
def test_progress(data: bytes, progress: int | None) -> None:
    assert run(b"\x1b]9;" + data + b"\x1b\\", [])[2] == ("", progress, [])


def test_plain_output_costs_next_to_nothing() -> None:
    data = (
        b"\x1b[32mok\x1b[0m an ordinary line of output with text and numbers 1234567890\r\n" * 800
    )
    gate = Filter(Safety.FULL, Reports())
    start = time.perf_counter()
    for _ in range(50):
        assert gate.feed(data) is data  # not even copied
    assert time.perf_counter() - start < 2
