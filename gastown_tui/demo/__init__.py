"""The demo town: a scripted coding agent, and a sample repository with work for it."""
