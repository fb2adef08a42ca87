"""What agent and collector say to each other."""
