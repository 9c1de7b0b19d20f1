"""Files that coding agents read and write: catalogue, session registry, hooks, transcripts."""
