"""`penstock init`: from two databases to a migration file that passes preflight, with a reason for each decision, and starter suites."""
