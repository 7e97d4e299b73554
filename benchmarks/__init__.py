"""How fast Penstock is beside its peers: `python -m benchmarks --help`."""
