"""A guest with a kernel of its own, for what needs a real USB stack: `make test-usb`, as root."""
