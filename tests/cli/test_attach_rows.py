from gastown_tui.cli.attach import row_bytes
from gastown_tui.terminal import Terminal


def test_the_last_column_of_a_full_row_is_shown_and_what_was_there_is_cleared():
    terminal = Terminal(10, 2)
    terminal.feed(b"\x1b[?7l0123456789\r\nxxxxxxxxxx")
    terminal.feed(row_bytes(0, [("abcdefghij", 0, 10)]).encode())
    terminal.feed(row_bytes(1, [("ab", 0, 2)]).encode())
    assert terminal.text() == "abcdefghij\nab"
