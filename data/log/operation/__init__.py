"""What the operator of an arena needs of its log: copies, and figures."""
