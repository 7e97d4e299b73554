"""What a process runs on: events, parallel work, its memory budget, formatting."""
