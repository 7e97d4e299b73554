"""Coverage: which intervals of which tables are live, and what drifted since."""
