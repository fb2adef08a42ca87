"""Customers, their sites, the terminals there and the devices attached to them."""
