"""Real parts for tests: servers, databases, a browser."""
