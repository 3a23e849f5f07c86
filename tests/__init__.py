"""The tests, mirroring hub/ and web/."""
