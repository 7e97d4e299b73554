"""Gates and proof in short: what failed, with examples and keys. What was met is one line, with a link to the gate's page."""

order = {"run": 40}
