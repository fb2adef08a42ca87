"""The Windows half of the agent in a genuine Windows Python on Wine: see rig."""
