"""The shape of a statement: its text without values, for logs and errors."""

from __future__ import annotations

import re

_LONGEST = 160
# Comments first: a quotation mark in one opens nothing. A text that is cut off, as servers do with long ones, ends with the statement.
_VALUES = re.compile(
    r"(?P<comment>--[^\n]*|/\*.*?(?:\*/|$))"
    r"|\$(?P<tag>\w*)\$.*?(?:\$(?P=tag)\$|$)"
    r"|'(?:[^'\\]|''|\\.)*(?:'|$)"
    r"|\b\d[\w.]*",
    re.DOTALL,
)
# MySQL writes texts in double quotes as well, where other databases write names.
_QUOTED = re.compile(r'"(?:[^"\\]|""|\\.)*(?:"|$)', re.DOTALL)


def shape(statement: str, double_quoted_texts: bool = False) -> str:
    """The statement on one line, each value as `?`, and not longer than a line or two."""
    text = _VALUES.sub(lambda found: " " if found["comment"] else "?", statement)
    if double_quoted_texts:
        text = _QUOTED.sub("?", text)
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
