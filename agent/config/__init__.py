"""The agent's configuration: one TOML file, checked once at this door. Opens no port and no network."""

from agent.config.model import Agent, Backup, Collector, Config, Device, Host
from agent.config.reader import default_path, load

__all__ = ["Agent", "Backup", "Collector", "Config", "Device", "Host", "default_path", "load"]
