"""Reporting: what a run has staged about itself, read and told as one record. Nothing here judges; the gates and the proof have."""
