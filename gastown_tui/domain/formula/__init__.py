"""Formulas: files that say how work is done, and the molecules that are poured from them.

A formula file is parsed (`parse`), merged with what it extends (`resolve`), cooked with its
variables into a flat, ordered list of steps (`cook`), and poured as beads (`pour`); how far a
molecule is, its beads alone tell (`progress`).
"""
