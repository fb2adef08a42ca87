"""Pages, one file per section. They read, hand acts to the rooms below, and render."""
