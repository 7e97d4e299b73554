"""What a run keeps: its staging area, and the journal in the target."""
