"""Tables of scores, and the reports of benchmarks that become such tables."""
