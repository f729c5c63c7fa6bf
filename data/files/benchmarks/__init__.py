"""Reports of benchmarks, which become tables of scores."""
