"""The group of Rubik's cube."""

import dataclasses
import functools
import itertools

import numpy as np

from symjax_models.groups import permutation


@dataclasses.dataclass(frozen=True, repr=False)
class RubiksCube(permutation.PermutationGroup):
    """State the group of Rubik's 3 x 3 x 3 cube, on its 48 stickers that move.

    A sticker has the position ``p`` of its small cube and its outward direction ``d``, both with
    coordinates -1, 0 or 1; the six stickers with ``p = d`` never move. Stickers are numbered in
    lexicographic order of ``(d, p)``. The six discrete generators are the quarter turns of the
    faces in directions +x, -x, +y, -y, +z, -z, clockwise as seen from outside. Samples are uniform
    over the positions of the cube that turns can reach.

    >>> RubiksCube(), RubiksCube().n, RubiksCube().order
    (RubiksCube(), 48, 43252003274489856000)
    """

    generators: tuple[tuple[int, ...], ...] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "generators", _face_turns())

    def __repr__(self) -> str:
        return "RubiksCube()"


@functools.cache
def _face_turns() -> tuple[tuple[int, ...], ...]:
    directions = [sign * axis for axis in np.eye(3, dtype=int) for sign in (1, -1)]
    positions = [np.array(p) for p in itertools.product((-1, 0, 1), repeat=3)]
    stickers = sorted(
        (tuple(d.tolist()), tuple(p.tolist()))
        for d in directions
        for p in positions
        if p @ d == 1 and not np.array_equal(p, d)
    )
    number = {sticker: index for index, sticker in enumerate(stickers)}
    turns = []
    for face in directions:
        turn = _clockwise(face)
        turns.append(
            tuple(
                number[_move(turn, d), _move(turn, p)] if np.dot(p, face) == 1 else number[d, p]
                for d, p in stickers
            )
        )
    return tuple(turns)


def _clockwise(face: np.ndarray) -> np.ndarray:
    """Return the quarter turn ``v -> v x f + (v . f) f``, clockwise seen against ``f``."""
    x, y, z = face.tolist()
    return np.array([[0, z, -y], [-z, 0, x], [y, -x, 0]]) + np.outer(face, face)


def _move(turn: np.ndarray, vector: tuple[int, ...]) -> tuple[int, ...]:
    return tuple((turn @ np.array(vector)).tolist())
