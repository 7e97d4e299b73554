"""A live migration between its run and its switch: rounds of changes, proofs at one position, the source closed and opened."""
