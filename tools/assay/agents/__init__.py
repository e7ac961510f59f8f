"""Agents as the harness meets them: how to talk to one, whatever program it is."""
