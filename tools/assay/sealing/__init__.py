"""Who made what. No other package reads or writes identities."""
