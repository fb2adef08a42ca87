"""Jobs of operators as they pass through the office: kept exactly as signed, handed out, told how they ended. No
private key is ever here, so nothing here can make a till do anything."""
