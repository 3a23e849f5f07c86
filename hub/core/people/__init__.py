"""Who signs in: accounts, passwords, one-time links."""
