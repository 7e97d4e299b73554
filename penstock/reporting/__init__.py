"""Reporting: what a run has staged about itself, as a record and as HTML. It decides nothing; the gates and the proof do."""
