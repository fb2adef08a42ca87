"""What is wrong, since when, who works on it, and how it ended."""
