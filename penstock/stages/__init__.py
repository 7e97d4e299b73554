"""The way of the rows, in order. Stages never import one another: they meet in staging and in the journal."""
