"""What to say after a word that is not known."""

import difflib
from collections.abc import Iterable


def nearest_of(word: object, known: Iterable[str]) -> str:
    """Name the known word nearest to one that is not known, and list them all.

    Args:
        word: What was given.
        known: What is known.

    Returns:
        The second half of an error's sentence.

    >>> nearest_of("egn", ["affine", "egnn"])
    "did you mean 'egnn'? known are affine, egnn"
    """
    words = list(known)
    if not words:
        return "none is known"
    nearest = difflib.get_close_matches(str(word), words, n=1, cutoff=0.0)[0]
    return f"did you mean {nearest!r}? known are {', '.join(words)}"
