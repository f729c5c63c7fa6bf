"""The battles of an open arena: which are in memory, how many there may be, what the log keeps of them."""
