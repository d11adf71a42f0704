"""Matrix groups: what acts. A group is a frozen, hashable value; see `Group`."""

from symjax_models.groups.base import Group
from symjax_models.groups.orthogonal import SO, O
from symjax_models.groups.symmetric import S
from symjax_models.groups.translation import T

__all__ = ["SO", "Group", "O", "S", "T"]
