"""Attempts at tasks, by agents and by people, and what is kept of them."""
