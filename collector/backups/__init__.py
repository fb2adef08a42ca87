"""What tills have stored here, when it arrived by the server's clock, and which of it has been proven to
restore."""
