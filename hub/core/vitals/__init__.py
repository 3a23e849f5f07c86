"""Whether the hub can work, what waits, and who is alive."""
