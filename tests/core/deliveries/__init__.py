"""Deliveries out: claim, send, settle, and what watches over them."""
