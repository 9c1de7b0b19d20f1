"""The host: forks programs on PTYs, holds descriptors, reaps, fences, keeps daemons running."""
