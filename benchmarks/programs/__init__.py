"""Programs that a benchmark runs as processes of their own, some with a peer's own Python: they import nothing from here."""
