"""The switch: what is proved becomes live, and its inverse."""
