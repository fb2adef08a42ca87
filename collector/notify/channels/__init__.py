"""The ways to a person, a file each."""
