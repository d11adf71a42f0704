"""The canonicalization of digits by equiadapt. Only this file imports it and PyTorch.

Of equiadapt are the copies, the choice with its straight-through gradient, the turn and the prior;
the networks are plain PyTorch with our parameters, for those it ships have other layers, with
batch normalization. For scores, its class leaves the copies to the network, where whole quarter
turns are `torch.rot90`.
"""

import importlib.metadata
import types
from collections.abc import Callable

import jax
import numpy as np

from experiments.benchmarks import rounds
from experiments.benchmarks.symmetrization_agreement import Answers, whole_turns
from experiments.benchmarks.symmetrization_digits import Setting, Side
from experiments.benchmarks.symmetrization_programs import LEARNING_RATE
from symjax_models.typing import PyTree

try:
    import torch
    from equiadapt.images.canonicalization import discrete_group
    from torch.nn import functional
except ImportError as error:
    raise ImportError(
        f"equiadapt and PyTorch are in the extra [bench]: pip install 'symjax_models[bench]' "
        f"({error})"
    ) from error


class DigitNetwork(torch.nn.Module):
    """The network of `symjax_models.models.digit_network`, on images `[B, C, H, W]`.

    Attributes:
        out_vector_size: Length of the output, under the name that equiadapt reads.
    """

    def __init__(self, params: PyTree, pixels: int):
        super().__init__()
        denses = [params["params"][f"Dense_{k}"] for k in range(len(params["params"]))]
        *convolutions, first, last = denses
        layers = []
        for dense in convolutions:
            layers += [_convolution(dense), torch.nn.ReLU(), torch.nn.AvgPool2d(2)]
            pixels //= 2
        self.convolutions = torch.nn.Sequential(*layers)
        # Ours flattens pixels before channels.
        kernel = first["kernel"].reshape(pixels * pixels, -1, first["kernel"].shape[-1])
        kernel = kernel.swapaxes(0, 1).reshape(first["kernel"].shape)
        self.first = _linear(kernel, first["bias"])
        self.last = _linear(last["kernel"], last["bias"])
        self.out_vector_size = self.last.out_features

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images to `[B, features]`."""
        return self.last(torch.relu(self.first(self.convolutions(images).flatten(1))))


class ScoresOfTurns(torch.nn.Module):
    """Scores of the quarter turns of images, from one call of a network.

    Attributes:
        group_type: As equiadapt names it.
        num_rotations: Of the group.
    """

    group_type = "rotation"
    num_rotations = 4

    def __init__(self, score: torch.nn.Module):
        super().__init__()
        self.score = score

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map images `[B, C, H, W]` to scores `[B, 4]`."""
        copies = [torch.rot90(images, -k, (2, 3)) for k in range(self.num_rotations)]
        return self.score(torch.cat(copies)).reshape(self.num_rotations, -1).T


def make_equiadapt(setting: Setting) -> Side:
    """Build equiadapt's side, in eager PyTorch with its own Adam.

    Args:
        setting: The setting.
    """
    images = torch.from_numpy(np.moveaxis(setting.images, -1, 1).copy())
    labels = torch.from_numpy(setting.labels.astype(np.int64))
    params = jax.tree.map(np.asarray, setting.params)
    pixels = images.shape[-1]

    def networks() -> tuple[torch.nn.Module, torch.nn.Module]:
        return DigitNetwork(params["network"], pixels), _canonicalizer(setting, params, pixels)

    network, canonicalizer = networks()
    answers = _answers(setting, network, canonicalizer, images, labels)
    plain, (trained, trained_canonicalizer) = DigitNetwork(params["network"], pixels), networks()
    optimizers = [
        torch.optim.Adam([p for module in modules for p in module.parameters()], lr=LEARNING_RATE)
        for modules in ((trained, trained_canonicalizer), (plain,))
    ]
    frozen = [module.eval() for module in networks()]

    def forward() -> None:
        with torch.inference_mode():
            frozen[0](frozen[1](images))

    def plain_forward() -> None:
        with torch.inference_mode():
            frozen[0](images)

    def train_step() -> None:
        optimizers[0].zero_grad()
        _loss(setting, trained, trained_canonicalizer, images, labels).backward()
        optimizers[0].step()

    def plain_train_step() -> None:
        optimizers[1].zero_grad()
        functional.cross_entropy(plain(images), labels).backward()
        optimizers[1].step()

    # On a busy machine, threads that wait for each other can cost more than they bring.
    threads = sorted({1, torch.get_num_threads()})
    runs = (forward, train_step, plain_forward, plain_train_step)
    return Side(
        f"equiadapt {importlib.metadata.version('equiadapt')}, PyTorch {torch.__version__}",
        answers,
        {run.__name__: {_threads(n): _limited(run, n) for n in threads} for run in runs},
        sum(p.numel() for module in (network, canonicalizer) for p in module.parameters()),
    )


def _limited(run: Callable[[], None], threads: int) -> rounds.Candidate:
    def limited() -> None:
        torch.set_num_threads(threads)
        run()

    return rounds.Candidate(limited, 1)


def _threads(count: int) -> str:
    return f"with {count} thread{'s'[: count > 1]}"


def _canonicalizer(setting: Setting, params: PyTree, pixels: int) -> torch.nn.Module:
    """Build equiadapt's module around our network of what chooses."""
    source = params["source"]["params"]
    group_size = setting.classifier.group.order
    options = types.SimpleNamespace(
        beta=1.0,
        input_crop_ratio=1.0,
        resize_shape=pixels,
        group_type="rotation",
        num_rotations=group_size,
        artifact_err_wt=0.0,
        learn_ref_vec=True,
    )
    inner = DigitNetwork({"params": _denses(source["network"])}, pixels)
    shape = (1, pixels, pixels)
    if "reference" not in source:
        scores = ScoresOfTurns(inner)
        if scores.num_rotations != group_size:
            raise ValueError(f"expected quarter turns, got a group of {group_size} elements")
        return discrete_group.GroupEquivariantImageCanonicalization(scores, options, shape)
    module = discrete_group.OptimizedGroupEquivariantImageCanonicalization(inner, options, shape)
    with torch.no_grad():
        module.reference_vector.copy_(torch.tensor(source["reference"])[None])
    return module


def _loss(
    setting: Setting,
    network: torch.nn.Module,
    canonicalizer: torch.nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> torch.Tensor:
    of_copies = functional.cross_entropy(network(canonicalizer(images)), labels)
    prior = canonicalizer.get_prior_regularization_loss()
    return of_copies + setting.classifier.prior_weight * prior


def _answers(
    setting: Setting,
    network: torch.nn.Module,
    canonicalizer: torch.nn.Module,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> Answers:
    with torch.no_grad():
        logits = network(canonicalizer(images)).numpy()
    degrees = canonicalizer.canonicalization_info_dict["group_element"]["rotation"].numpy()
    loss = _loss(setting, network, canonicalizer, images, labels)
    of_network = torch.autograd.grad(loss, list(network.parameters()))
    canonicalizer(images)
    prior = canonicalizer.get_prior_regularization_loss()
    of_prior = torch.autograd.grad(prior, list(canonicalizer.parameters()))
    norms = (torch.stack([g.norm() for g in grads]).norm() for grads in (of_network, of_prior))
    numbers = [number.item() for number in (loss, *norms)]
    return Answers(whole_turns(degrees / 90), logits, *numbers)


def _denses(params: PyTree) -> PyTree:
    """Return the layers of a `DigitNetwork`, be it by itself or within an `ImageScore`."""
    return params.get("DigitNetwork_0", params)


def _convolution(params: PyTree) -> torch.nn.Conv2d:
    kernel = params["kernel"].reshape(3, 3, -1, params["kernel"].shape[-1])
    layer = torch.nn.Conv2d(*kernel.shape[2:], kernel_size=3, padding=1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.transpose(3, 2, 0, 1)))
        layer.bias.copy_(torch.tensor(params["bias"]))
    return layer


def _linear(kernel: np.ndarray, bias: np.ndarray) -> torch.nn.Linear:
    layer = torch.nn.Linear(*kernel.shape)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(kernel.T))
        layer.bias.copy_(torch.tensor(bias))
    return layer
