"""All tables, one line each, with links to their pages."""

order = {"run": 80}
