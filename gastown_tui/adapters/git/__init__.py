"""Git for the town: hub, sandboxes, guard, landing and diffs, as synchronous functions.

Nothing here prompts, waits without a limit, runs a project's hooks for the town's own commits, or
reads the caller's ``GIT_*`` variables. The functions may run in any thread: they share no state.
"""
