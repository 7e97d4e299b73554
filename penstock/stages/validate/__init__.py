"""Gates: expectation suites on staged files and on shadow tables."""
