"""Direct debit: the way to a mandate, collecting by it, and autobill."""
