"""Reads for the API and the pages: lists by key, details without a query per row."""
