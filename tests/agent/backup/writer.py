"""A till's program in a process of its own: commits at a fixed pace until its standard input is closed, then
prints as JSON how many commits there were, the errors, and the last number. `python -m
tests.agent.backup.writer FILE TIMEOUT_S`."""

import json
import sqlite3
import sys
import time
from threading import Event, Thread

EVERY_S = 0.1


def main() -> None:
    path, timeout_s = sys.argv[1], float(sys.argv[2])
    stop = Event()
    Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    database = sqlite3.connect(path, timeout=timeout_s, isolation_level=None)
    errors: list[str] = []
    commits, worst_s = 0, 0.0
    while not stop.wait(EVERY_S):
        begun = time.perf_counter()
        try:
            database.execute("BEGIN IMMEDIATE")
            # two tables in one transaction: a torn copy shows as a difference between them
            database.execute("INSERT INTO receipts (total, document) VALUES (1, zeroblob(500))")
            database.execute("UPDATE totals SET n = n + 1")
            database.execute("COMMIT")
            commits += 1
        except sqlite3.Error as e:
            errors.append(str(e))
            if database.in_transaction:
                database.execute("ROLLBACK")
        worst_s = max(worst_s, time.perf_counter() - begun)
        if commits == 1:
            print("ready", flush=True)
    print(json.dumps({"commits": commits, "errors": errors, "worst_s": worst_s}))


if __name__ == "__main__":
    main()
