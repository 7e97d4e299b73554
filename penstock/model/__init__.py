"""Frozen values that the whole engine passes around."""
