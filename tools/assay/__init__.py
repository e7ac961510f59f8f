"""Git-native review workflow for the offline evaluation of coding agents."""

__version__ = "0.1.0"
