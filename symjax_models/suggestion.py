"""What to say after a word that is not known."""

import difflib
from collections.abc import Iterable, Mapping


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


def look_up[T](word: str, registry: Mapping[str, T], *, what: str) -> T:
    """Return what a registry holds under a word.

    Args:
        word: What was given.
        registry: What is known, by name.
        what: What the words name, for the message.

    Raises:
        ValueError: If the word is unknown; the nearest one is named.

    >>> look_up("egnn", {"egnn": 1}, what="model")
    1
    """
    if word not in registry:
        raise ValueError(f"unknown {what} {word!r}; {nearest_of(word, sorted(registry))}")
    return registry[word]
