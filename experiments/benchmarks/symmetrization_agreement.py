"""What two sides of a comparison say of the same digits, and whether they agree."""

import dataclasses

import numpy as np

_TOLERANCE = 1e-4  # of logits over their root mean square, and relative of the other numbers


@dataclasses.dataclass(frozen=True, eq=False)
class Answers:
    """What a side says of the batch at the initial parameters.

    Attributes:
        turns: By how many quarter turns each image was found to be turned, `[B]`.
        logits: `[B, classes]`.
        loss: The mean loss.
        gradient_norm: Of the loss, in the classifier's parameters.
        prior_norm: Of the gradient of the prior, in the parameters of what chooses.
    """

    turns: np.ndarray
    logits: np.ndarray
    loss: float
    gradient_norm: float
    prior_norm: float


def check_agreement(ours: Answers, theirs: Answers, *, peer: str) -> None:
    """Check that a peer does the same work.

    Args:
        ours: Our answers.
        theirs: Its answers.
        peer: Its name.

    Raises:
        ValueError: If it chooses another copy of an image, or a number differs.
    """
    differing = int(np.sum(theirs.turns != ours.turns))
    if differing:
        raise ValueError(
            f"{peer} turns {differing} of {len(ours.turns)} images by another angle: it does not "
            "do the same work, so its time means nothing"
        )
    scale = np.sqrt(np.mean(ours.logits**2))
    error = float(np.abs(theirs.logits - ours.logits).max() / scale)
    numbers = [(a.loss, a.gradient_norm, a.prior_norm) for a in (theirs, ours)]
    if not (error <= _TOLERANCE and np.allclose(*numbers, rtol=_TOLERANCE, atol=0)):
        raise ValueError(
            f"{peer} gives logits that differ by {error:.1e} of their size, and {numbers[0]} as "
            f"loss and gradient norms where we have {numbers[1]}: it does not do the same work, so "
            "its time means nothing"
        )


def whole_turns(quarters: np.ndarray) -> np.ndarray:
    """Return angles, in quarter turns, as whole numbers from 0 to 3.

    Raises:
        ValueError: If an angle is no multiple of a quarter turn.

    >>> whole_turns(np.array([-1.0, 4.0, 1.0])).tolist()
    [3, 0, 1]
    """
    if np.abs(quarters - np.round(quarters)).max() > 1e-3:
        raise ValueError(f"expected quarter turns, got {quarters}")
    return np.round(quarters).astype(int) % 4
