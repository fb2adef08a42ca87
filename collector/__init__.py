"""The central collector: inventory, incidents, backups and the dashboard of a service company."""
