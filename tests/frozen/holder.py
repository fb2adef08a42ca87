"""Makes a pty, writes its name to the file named first, and holds it open like a cash program that locks nothing."""

import os
import signal
import sys

master, slave = os.openpty()
with open(sys.argv[1], "w") as told:  # noqa: PTH123 - the interpreter in there is a small one
    told.write(os.ttyname(slave))
signal.pause()
