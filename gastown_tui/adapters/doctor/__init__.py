"""Looks at a machine for `gastown doctor`: reads and asks, and changes nothing."""
