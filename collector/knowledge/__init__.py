"""Articles and decision trees in three languages, with search."""
