"""The `gastown` command line."""
