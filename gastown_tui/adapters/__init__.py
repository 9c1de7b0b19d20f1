"""Thin adapters, one outside thing each: git, SQLite, sockets, files, processes."""
