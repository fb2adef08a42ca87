"""One device state and one closed list of faults for all makers, in UnifiedPOS words."""
