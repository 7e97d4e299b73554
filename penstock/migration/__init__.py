"""What a migration file can say."""
