"""From a migration and two catalogues to a plan."""
