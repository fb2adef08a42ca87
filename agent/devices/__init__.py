"""Devices of this terminal: profiles, the runner, the prober and the poller. No family is named here."""
