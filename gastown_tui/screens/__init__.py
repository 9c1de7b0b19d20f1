"""The screens process: reads and writes every PTY, emulates, logs, serves rows to clients."""
