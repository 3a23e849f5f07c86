"""Payments that are under way: hosted pages, refunds, and who looks after them."""
