"""What fits share: solver, comparison graph, separation."""
