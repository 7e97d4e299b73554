"""`python -m penstock.cli`."""

import sys

from penstock.cli.commands import main

sys.exit(main())
