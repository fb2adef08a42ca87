"""`python -m agent.cli`: the same as the script `plomba-agent`."""

import sys

from agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
