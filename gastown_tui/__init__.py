"""Gas Town: a factory of coding agents run by one person, and the screen to run it from."""

__version__ = "0.1.0"
