"""EGNN in PyTorch, on an edge list as the authors lay it out. Only this file imports torch."""

import jax
import numpy as np
import torch
from torch.nn import functional

from experiments.benchmarks import nbody_candidates, nbody_setting, rounds
from symjax_models.typing import PyTree


class EGNN(torch.nn.Module):
    """Satorras, Hoogeboom, Welling 2021, with the parameters of `symjax_models.models.EGNN`."""

    def __init__(self, params: PyTree):
        super().__init__()
        params = jax.tree.map(np.asarray, params["params"])
        self.embedding = _linear(params["embedding"])
        names = sorted(name for name in params if name.startswith("layer_"))
        self.layers = torch.nn.ModuleList(_Layer(params[name]) for name in names)

    def forward(
        self,
        positions: torch.Tensor,
        velocities: torch.Tensor,
        interactions: torch.Tensor,
        edges: tuple[torch.Tensor, torch.Tensor],
    ) -> torch.Tensor:
        """Predict positions `[B N, 3]` from nodes `[B N, 3]`, edges `[E, 1]` and their ends."""
        receivers, senders = edges
        initial = (positions[receivers] - positions[senders]).square().sum(1, keepdim=True)
        attributes = torch.cat([interactions, initial], dim=1)
        h = self.embedding(velocities.norm(dim=1, keepdim=True))
        for layer in self.layers:
            h, positions = layer(h, positions, velocities, attributes, edges)
        return positions


class _Layer(torch.nn.Module):
    def __init__(self, params: PyTree):
        super().__init__()
        silu = torch.nn.SiLU
        first, second = _linear(params["phi_e_first"]), _linear(params["phi_e_second"])
        self.phi_e = torch.nn.Sequential(first, silu(), second, silu())
        self.phi_x, self.phi_v, self.phi_h = (
            torch.nn.Sequential(
                _linear(params[name]["Dense_0"]), silu(), _linear(params[name]["Dense_1"])
            )
            for name in ("phi_x", "phi_v", "phi_h")
        )

    def forward(
        self,
        h: torch.Tensor,
        positions: torch.Tensor,
        velocities: torch.Tensor,
        attributes: torch.Tensor,
        edges: tuple[torch.Tensor, torch.Tensor],
    ) -> tuple[torch.Tensor, torch.Tensor]:
        receivers, senders = edges
        displacements = positions[receivers] - positions[senders]
        distances = displacements.square().sum(1, keepdim=True)
        inputs = torch.cat([h[receivers], h[senders], distances, attributes], dim=1)
        messages = self.phi_e(inputs)
        pulls = torch.clamp(displacements * self.phi_x(messages), -100, 100)
        count = _sum_at(receivers, torch.ones_like(pulls), len(h)).clamp(min=1)
        drift = self.phi_v(h) * velocities
        positions = positions + _sum_at(receivers, pulls, len(h)) / count + drift
        received = _sum_at(receivers, messages, len(h))
        return h + self.phi_h(torch.cat([h, received], dim=1)), positions


def torch_peer(setting: nbody_setting.Setting) -> nbody_candidates.Peer:
    """Build the training step in eager PyTorch, with its own Adam."""
    model = EGNN(setting.params)
    adam = torch.optim.Adam(model.parameters(), lr=nbody_setting.LEARNING_RATE)
    edges = _complete_edges(setting.case)
    batches = [
        {name: torch.from_numpy(values[rows]) for name, values in setting.arrays.items()}
        for rows in setting.batches
    ]

    def backward(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        receivers, senders = edges
        nodes = {name: batch[name].flatten(0, 1) for name in ("positions", "velocities", "targets")}
        num_nodes = setting.case.num_nodes
        by_receiver = batch["interactions"].reshape(-1, num_nodes)
        interactions = by_receiver[receivers, senders % num_nodes][:, None]
        predictions = model(nodes["positions"], nodes["velocities"], interactions, edges)
        adam.zero_grad()
        loss = functional.mse_loss(predictions, nodes["targets"])
        loss.backward()
        return loss

    def run() -> None:
        for batch in batches:
            backward(batch)
            adam.step()

    loss = backward(batches[0]).item()
    gradients = [weight.grad for weight in model.parameters() if weight.grad is not None]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm().item()
    timed = rounds.Candidate(run, len(batches))
    return nbody_candidates.Peer(f"PyTorch edge list {torch.__version__}", loss, norm, timed)


def _linear(params: PyTree) -> torch.nn.Linear:
    inputs, outputs = params["kernel"].shape
    layer = torch.nn.Linear(inputs, outputs, bias="bias" in params)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(params["kernel"].T))
        if layer.bias is not None:
            layer.bias.copy_(torch.tensor(params["bias"]))
    return layer


def _sum_at(indices: torch.Tensor, values: torch.Tensor, count: int) -> torch.Tensor:
    return values.new_zeros(count, values.shape[1]).index_add_(0, indices, values)


def _complete_edges(case: nbody_setting.Case) -> tuple[torch.Tensor, torch.Tensor]:
    local = np.arange(case.num_nodes)
    receivers, senders = np.nonzero(local[:, None] != local)
    offsets = case.num_nodes * np.arange(case.batch_size)[:, None]
    return tuple(torch.from_numpy((offsets + ends).ravel()) for ends in (receivers, senders))
