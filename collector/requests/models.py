"""What customers ask for: the catalogue, where it comes in, approvals, fulfilment."""
