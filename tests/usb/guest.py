"""Runs the tests inside the guest; the first program there starts it."""

import os
import sys

import pytest


def main() -> int:
    """Without the plugins of the suite: each costs seconds here, and some want to write into the project."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    options = "-c /dev/null --rootdir . -v -W error -p no:cacheprovider --noconftest --tb=short --color=no"
    return pytest.main([*options.split(), "tests/usb/in_guest.py"])


if __name__ == "__main__":
    sys.exit(main())
