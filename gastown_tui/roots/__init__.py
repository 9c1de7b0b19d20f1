"""Composition roots, one per process: the only modules that choose implementations."""
