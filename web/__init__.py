"""The pages people see, over the core."""
