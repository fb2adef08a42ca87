"""What users must read: versions, audience, confirmations, the archive as evidence."""
