"""Preflight: every check made before a row moves. `penstock check`, the task `preflight` and the stage `plan` all run `preflight`.

preflight.py   the order: read both catalogues, plan the tables, run the checks. Read this first
context.py     what a check is given
checks/        one file a check
"""
