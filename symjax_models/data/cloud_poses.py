"""Put clouds into random poses, on the host."""

import dataclasses

import numpy as np

from symjax_models.data.clouds import Clouds
from symjax_models.suggestion import nearest_of

Array = np.ndarray

POSES = ("none", "z", "so3")
_POSE_STREAM = 7


def draw_rotations(*, count: int, pose: str, seed: int) -> Array:
    """Draw rotations; fewer of the same seed are the first of more.

    Args:
        count: M.
        pose: "none" for the identity, "z" for angles about the z axis uniform on the circle, "so3"
            for the Haar law.
        seed: Seed, at least 0.

    Returns:
        `[M, 3, 3]` in float64, to act on columns.

    Raises:
        ValueError: If the pose is unknown.

    >>> draw_rotations(count=2, pose="z", seed=0).shape
    (2, 3, 3)
    """
    if pose not in POSES:
        raise ValueError(f"unknown pose {pose!r}; {nearest_of(pose, POSES)}")
    quaternions = np.zeros((count, 4))
    quaternions[:, 0] = 1.0
    rng = np.random.default_rng([seed, _POSE_STREAM])
    if pose == "z":
        half = rng.uniform(0.0, np.pi, count)
        quaternions[:, 0], quaternions[:, 3] = np.cos(half), np.sin(half)
    elif pose == "so3":
        quaternions = rng.standard_normal((count, 4))
    return rotations_of(quaternions)


def rotations_of(quaternions: Array) -> Array:
    """Return the rotations of quaternions (w, x, y, z), which need not have length 1.

    Args:
        quaternions: `[*batch, 4]`, not zero.

    Returns:
        `[*batch, 3, 3]`, to act on columns.

    >>> quarter_turn_about_z = rotations_of(np.array([1.0, 0.0, 0.0, 1.0]))
    >>> (quarter_turn_about_z @ [1.0, 0.0, 0.0]).round(9).tolist()
    [0.0, 1.0, 0.0]
    """
    q = quaternions / np.linalg.norm(quaternions, axis=-1, keepdims=True)
    w, v = q[..., 0, None, None], q[..., 1:]
    cross = np.cross(v[..., None, :], np.eye(3))
    outer = v[..., :, None] * v[..., None, :]
    # Rows of `cross` are v x e_i, which is the transpose of the matrix of v x.
    turned = 2.0 * w * np.swapaxes(cross, -1, -2)
    return (w**2 - (v**2).sum(-1)[..., None, None]) * np.eye(3) + 2.0 * outer + turned


def pose_clouds(clouds: Clouds, *, pose: str, seed: int) -> Clouds:
    """Rotate every cloud and its normals about the origin by a rotation of its own.

    Args:
        clouds: M clouds.
        pose: As in `draw_rotations`.
        seed: Seed of the rotations.

    Returns:
        The clouds R x, with these rotations.

    Raises:
        ValueError: If the pose is unknown.
    """
    rotations = draw_rotations(count=len(clouds), pose=pose, seed=seed)
    turned = {
        name: np.einsum("mij,mnj->mni", rotations, values.astype(np.float64))
        for name in ("points", "normals")
        if (values := getattr(clouds, name)) is not None
    }
    before = clouds.rotations
    total = rotations if before is None else rotations @ before.astype(np.float64)
    provenance = {**clouds.provenance, "pose": pose, "pose seed": str(seed)}
    return dataclasses.replace(clouds, **turned, rotations=total, provenance=provenance)
