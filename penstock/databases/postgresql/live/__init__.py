"""Following PostgreSQL by logical replication: slots, the stream of pgoutput, and how its changes are applied."""
