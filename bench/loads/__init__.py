"""Programs that benchmarks run in sessions."""
