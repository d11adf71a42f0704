"""Neighbour lists that stay valid while atoms move, in arrays whose shapes seldom change."""

import dataclasses

import numpy as np

from symjax_models.data.neighbours import neighbour_list

# Slots beyond the edges there are: growth means another compilation.
_ROOM = 1.2


@dataclasses.dataclass(frozen=True)
class Edges:
    """Edges of one configuration, padded.

    Attributes:
        senders: `[E]`; of padding the last atom, as `receivers`.
        receivers: `[E]`.
        shifts: Lattice shifts, `[E, 3]`.
        mask: True for real edges, `[E]`.
    """

    senders: np.ndarray
    receivers: np.ndarray
    shifts: np.ndarray
    mask: np.ndarray


class SkinList:
    """List the neighbours within a cutoff and a skin, and again only when atoms have moved.

    A list of all pairs within `cutoff + skin` holds all those within the cutoff for as long as no
    atom has moved by more than half the skin; pairs beyond the cutoff add nothing to a network that
    vanishes there. The number of slots only ever grows.

    Attributes:
        num_lists: Lists made so far.
        num_growths: How often the number of slots changed, each of which compiles anew.
    """

    def __init__(self, *, cutoff: float, skin: float = 0.5) -> None:
        """Make an empty list.

        Args:
            cutoff: Largest distance of neighbours, angstrom.
            skin: How much further the list reaches, angstrom.

        Raises:
            ValueError: If a length is not positive.
        """
        if not (cutoff > 0 and skin > 0):
            raise ValueError(f"expected a positive cutoff and skin, got {cutoff} and {skin}")
        self.cutoff, self.skin = cutoff, skin
        self.num_lists = self.num_growths = 0
        self._slots = 0
        self._edges: Edges | None = None
        self._positions = self._cell = self._pbc = np.zeros(0)

    def edges(
        self,
        positions: np.ndarray,
        *,
        cell: np.ndarray | None = None,
        pbc: np.ndarray | None = None,
        anew: bool = False,
    ) -> Edges:
        """Return edges that hold all neighbours of atoms where they are now.

        Args:
            positions: `[N, 3]`, angstrom; not wrapped into the cell between calls.
            cell: Lattice vectors as rows, `[3, 3]`.
            pbc: Whether each of them is periodic, `[3]`.
            anew: Make a list here even if the last one still serves.

        Returns:
            The edges: those of the last call if they still serve.
        """
        cell = np.zeros((3, 3)) if cell is None else np.asarray(cell, np.float64)
        pbc = np.zeros(3, bool) if pbc is None else np.asarray(pbc, bool)
        if anew or self._edges is None or not self._is_valid(positions, cell, pbc):
            self._edges = self._list(positions, cell, pbc)
            self._positions, self._cell, self._pbc = np.array(positions), cell.copy(), pbc.copy()
        return self._edges

    def _is_valid(self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> bool:
        if positions.shape != self._positions.shape or not np.array_equal(pbc, self._pbc):
            return False
        if not np.array_equal(cell, self._cell):
            return False
        moved = np.sum(np.square(positions - self._positions), axis=1).max(initial=0)
        return bool(moved <= (self.skin / 2) ** 2)

    def _list(self, positions: np.ndarray, cell: np.ndarray, pbc: np.ndarray) -> Edges:
        found = neighbour_list(positions, cutoff=self.cutoff + self.skin, cell=cell, pbc=pbc)
        count = len(found.senders)
        self.num_lists += 1
        if count > self._slots or self._slots == 0:
            pairs = len(positions) * (len(positions) - 1)
            # With room for all pairs of a small molecule, no more is ever needed.
            has_all = not pbc.any() and pairs <= 2 * count
            self._slots = max(1, pairs) if has_all else int(_ROOM * count) + 1
            self.num_growths += 1
        extra = self._slots - count
        last = len(positions) - 1
        return Edges(
            np.pad(found.senders, (0, extra), constant_values=last),
            np.pad(found.receivers, (0, extra), constant_values=last),
            np.pad(found.shifts, ((0, extra), (0, 0))),
            np.arange(self._slots) < count,
        )
