"""The suites, one folder a migration, and the custom expectations that any of them can use, one file each."""
