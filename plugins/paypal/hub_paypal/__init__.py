"""PayPal for the hub."""
