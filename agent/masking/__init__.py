"""Takes out of texts what must not leave the till: secrets, and what tells of people. Pure; every room may use it."""
