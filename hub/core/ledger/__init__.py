"""The ledger: what the hub knows, and the services that change it."""
