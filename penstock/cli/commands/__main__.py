"""`python -m penstock.cli.commands`."""

import sys

from penstock.cli.commands import main

sys.exit(main())
