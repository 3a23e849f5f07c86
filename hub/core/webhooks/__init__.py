"""What receive, accept and process need: rows, keys, claims, answers."""
