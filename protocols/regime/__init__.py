"""What the law of a country asks of the backups of a cash register, as data. Pure; both sides read it: the till to know
when a backup is wanted, the collector to know what is kept, where, for how long, and what is late."""
