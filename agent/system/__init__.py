"""Figures and conditions of the till's own computer. It decides nothing about faults and sends nothing."""
