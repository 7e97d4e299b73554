"""Every check made before a row moves."""
