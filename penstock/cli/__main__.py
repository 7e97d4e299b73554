"""`python -m penstock.cli`."""

from penstock.cli.commands import main

main()
