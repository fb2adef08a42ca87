"""Devices written from their manuals. Nothing here imports the product: a mistake in one is not copied into
the other."""
