"""Slack for the hub."""
