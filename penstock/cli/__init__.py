"""The command line: commands, the progress they show, and how they find the run that is meant."""
