import pytest

from gastown_tui.domain.retention import Span

SPAN = Span(least=2, most=5, age=10.0)


@pytest.mark.parametrize(
    ("newer", "age", "is_kept"),
    [(0, 99, True), (1, 99, True), (2, 99, False), (2, 9, True), (4, 9, True), (5, 0, False)],
)
def test_young_ones_are_kept_but_never_fewer_nor_more_than_so_many(newer, age, is_kept):
    assert SPAN.keeps(newer, age) == is_kept
