"""What the town costs: time, processor and memory, beside tmux and mprocs in the same run."""
