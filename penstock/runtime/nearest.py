"""What to write instead of a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LISTED = 12


def nearest(word: str, known: Iterable[str]) -> str:
    """A hint for an error's `fix`: the known word that is spelt most like `word`, or the known words, 12 at most, sorted."""
    words = sorted(set(known))
    close = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(words[:_LISTED])}"
