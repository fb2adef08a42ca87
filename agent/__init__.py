"""The edge agent: a silent service on a till. It opens connections; nothing connects to it."""
