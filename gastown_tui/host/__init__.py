"""The host: forks programs on PTYs, holds the descriptors, reaps, fences, keeps its daemons running."""
