"""The switch kinds, one a file, found by name. Each holds one object, KIND, as `penstock/planning/switch_kinds.py` defines it."""
