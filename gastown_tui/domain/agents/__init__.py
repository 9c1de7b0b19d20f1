"""What a coding agent is: how it is started, read and typed to.

Pure: facts in (a catalogue entry, what its terminal and its files tell), intentions out (a command
line, a state, bytes to type). Nothing here reads a clock, a file or a terminal.
"""
