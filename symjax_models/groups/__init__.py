"""Matrix groups: what acts. A group is a frozen, hashable value; see `Group`."""

from symjax_models.groups.alternating import A
from symjax_models.groups.base import Group
from symjax_models.groups.cyclic import C, D, Z
from symjax_models.groups.euclidean import SE, SIM, E
from symjax_models.groups.generated import MatrixGroup
from symjax_models.groups.hyperoctahedral import B
from symjax_models.groups.indefinite import IndefiniteO, IndefiniteSO, Lorentz
from symjax_models.groups.linear import GL, SL, GLPlus
from symjax_models.groups.orthogonal import SO, O
from symjax_models.groups.permutation import PermutationGroup
from symjax_models.groups.polyhedral import Icosahedral, Octahedral
from symjax_models.groups.products import DirectProduct
from symjax_models.groups.rubik import RubiksCube
from symjax_models.groups.scaling import Scaling
from symjax_models.groups.semidirect import SemidirectProduct
from symjax_models.groups.symmetric import S
from symjax_models.groups.symplectic import Sp
from symjax_models.groups.translation import T
from symjax_models.groups.trivial import Trivial
from symjax_models.groups.unitary import SU, U
from symjax_models.groups.wreath import WreathProduct

__all__ = [
    "GL",
    "SE",
    "SIM",
    "SL",
    "SO",
    "SU",
    "A",
    "B",
    "C",
    "D",
    "DirectProduct",
    "E",
    "GLPlus",
    "Group",
    "Icosahedral",
    "IndefiniteO",
    "IndefiniteSO",
    "Lorentz",
    "MatrixGroup",
    "O",
    "Octahedral",
    "PermutationGroup",
    "RubiksCube",
    "S",
    "Scaling",
    "SemidirectProduct",
    "Sp",
    "T",
    "Trivial",
    "U",
    "WreathProduct",
    "Z",
]
