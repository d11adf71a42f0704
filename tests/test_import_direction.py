"""The rules of the code base that a machine can check: who imports whom, and what nobody does."""

import ast
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

_CHAIN = ("groups", "reps", "ops", "layers", "models", "training", "experiments")
ALLOWED = {room: set(_CHAIN[: index + 1]) for index, room in enumerate(_CHAIN)}
ALLOWED["data"] = {"groups", "reps", "ops", "data"}
ALLOWED["audit"] = {"groups", "reps", "ops", "audit"}
ALLOWED["dynamics"] = {"ops", "models", "data", "dynamics"}
ALLOWED["experiments"] |= {"data", "audit", "dynamics"}
ALLOWED["configs"] = {"configs"}
# Modules beside the rooms, which every room of the package and experiments may import.
EVERYWHERE = {"typing", "progress", "suggestion", "__version__"}
ALLOWED["package"] = set()

# Library -> where it may be imported: rooms, or single files of the package.
FENCES = {
    "flax.linen": {"layers", "models"},
    "flax.struct": {"layers", "models", "ops/graph.py", "training"},
    "flax.nnx": set(),
    "optax": {"training"},
    "orbax": {"training"},
    "absl": {"experiments", "configs"},
    "ml_collections": {"experiments", "configs"},
    "matplotlib": {"audit", "experiments"},
    "tensorboardX": {"training"},
    "torch": {"experiments"},
    "ase": {"data", "dynamics", "experiments"},
    "pickle": set(),
    "clu": set(),
    "jraph": set(),
}
INSTEAD = {
    "jax.pmap": "jax.jit with NamedSharding",
    "jax.random.PRNGKey": "jax.random.key",
    "eval": "a parser of the values that are meant",
    "exec": "a function",
}
FORBIDDEN_NAME = re.compile(r"(.*_)?(utils?|helpers?|common|core|misc)|.*_(old|new|v\d+)")
MAX_LINES = 350


def room_of(path):
    """Return the room of a file: a folder of the package, `experiments` or `configs`."""
    parts = path.split("/")
    if parts[0] != "symjax_models":
        return parts[0]
    return parts[1] if len(parts) > 2 else "package"


def imported_names(node, path):
    """Return {local name: absolute name} of an import, relative ones included."""
    if isinstance(node, ast.Import):
        # `import a.b` binds a, through which a.b is reached; `import a.b as c` binds a.b itself.
        return {alias.asname or alias.name: alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom):
        above = path.split("/")[: -node.level] if node.level else []
        module = ".".join([*above, *([node.module] if node.module else [])])
        return {alias.asname or alias.name: f"{module}.{alias.name}" for alias in node.names}
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(
        ("import_module", "__import__")
    ):
        name = node.args[0] if node.args else None
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            return {"": name.value}
    return {}


def is_within(name, library):
    return name == library or name.startswith(library + ".")


def room_violation(path, name):
    """Return what is wrong with importing this module of ours, if something is."""
    top, _, rest = name.partition(".")
    target = rest.split(".")[0] if top == "symjax_models" else top
    room = room_of(path)
    if top not in ("symjax_models", "experiments", "configs"):
        return None
    if target in ALLOWED[room] or (target in EVERYWHERE | {""} and room != "configs"):
        return None
    allowed = ", ".join(sorted(ALLOWED[room])) or "no room"
    return f"{room} must not import {target or top}; it may import {allowed}"


def fence_violation(path, name):
    """Return what is wrong with using this library here, if something is."""
    inside = path.partition("/")[2]
    for library, places in FENCES.items():
        if is_within(name, library) and not places & {room_of(path), inside}:
            return f"{library} is used only in {', '.join(sorted(places)) or 'no place'}"
    return None


def absolute_name(node, names):
    """Return the dotted name of an expression, with local names replaced by what they import."""
    attributes = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join([names.get(node.id, node.id), *reversed(attributes)])


def name_violations(path, names, node):
    """Yield what is wrong with an import statement, a name or a call."""
    for name in imported_names(node, path).values():
        yield room_violation(path, name)
        yield fence_violation(path, name)
        if name in INSTEAD:
            yield f"use {INSTEAD[name]} instead of {name}"
    if isinstance(node, ast.ImportFrom) and node.module == "__future__":
        yield "no __future__ imports; Python 3.12 needs none"
    if isinstance(node, ast.Attribute):
        name = absolute_name(node, names)
        if name in INSTEAD:
            yield f"use {INSTEAD[name]} instead of {name}"
        if name in FENCES:  # reached through its parent, as in `import flax; flax.linen`
            yield fence_violation(path, name)
    if isinstance(node, ast.Call):
        called = getattr(node.func, "id", None)
        if called in ("eval", "exec"):
            yield f"use {INSTEAD[called]} instead of {called}"
        for keyword in node.keywords:
            if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", True):
                yield "allow_pickle is never true; store arrays and JSON"


def violations(path, source):
    """Return the broken rules of one file, as `path:line: what, and what is allowed`."""
    found = []
    for name in pathlib.PurePosixPath(path).with_suffix("").parts:
        if FORBIDDEN_NAME.fullmatch(name):
            found.append(f"{path}:1: a file is named after its idea, not {name!r}")
    lines = len(source.splitlines())
    if lines > MAX_LINES:
        found.append(f"{path}:{lines}: a file is one idea, of at most {MAX_LINES} lines")
    nodes = list(ast.walk(ast.parse(source)))
    names = {}
    for node in nodes:
        names |= imported_names(node, path)
    for node in nodes:
        for text in name_violations(path, names, node):
            if text:
                found.append(f"{path}:{node.lineno}: {text}")
    return found


FILES = [
    file.relative_to(ROOT).as_posix()
    for folder in ("symjax_models", "experiments", "configs")
    for file in sorted((ROOT / folder).rglob("*.py"))
]


def test_files_are_found():
    assert len(FILES) > 30
    for folder in ("symjax_models/training", "experiments", "configs"):
        assert any(path.startswith(folder + "/") for path in FILES)


@pytest.mark.parametrize("path", FILES)
def test_file_keeps_the_rules(path):
    assert violations(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("symjax_models/ops/a.py", "from symjax_models.layers import dense", "ops must not import"),
        ("symjax_models/groups/a.py", "import symjax_models.reps", "it may import groups"),
        ("symjax_models/data/a.py", "from symjax_models import models", "data must not import"),
        ("symjax_models/audit/a.py", "from symjax_models.training import loop", "audit must not"),
        ("symjax_models/training/a.py", "from symjax_models import data", "training must not"),
        ("symjax_models/training/a.py", "from experiments import store", "training must not"),
        ("symjax_models/ops/a.py", "from ..layers import dense", "ops must not import layers"),
        ("symjax_models/ops/a.py", "from .. import layers", "ops must not import layers"),
        ("symjax_models/ops/a/b.py", "from ...layers import dense", "must not import layers"),
        ("symjax_models/ops/a.py", "def f():\n  import symjax_models.models", "a.py:2: ops must"),
        ("symjax_models/ops/a.py", "import_module('symjax_models.models')", "ops must not import"),
        ("symjax_models/__init__.py", "from symjax_models import ops", "package must not import"),
        ("symjax_models/__init__.py", "from . import ops", "package must not import ops"),
        ("configs/nbody/a.py", "import symjax_models.models", "configs must not import models"),
        ("configs/nbody/a.py", "import symjax_models", "configs must not import symjax_models"),
        ("configs/nbody/a.py", "from symjax_models import typing", "configs must not import"),
        ("configs/nbody/a.py", "from experiments import tables", "configs must not import"),
        ("symjax_models/ops/a.py", "import flax.linen as nn", "flax.linen is used only"),
        ("symjax_models/ops/a.py", "import flax\nflax.linen.Dense", "a.py:2: flax.linen is used"),
        ("experiments/a.py", "from flax import linen as nn", "only in layers, models"),
        ("symjax_models/ops/a.py", "from flax import struct", "flax.struct is used only"),
        ("symjax_models/layers/a.py", "from flax import nnx", "flax.nnx is used only in no place"),
        ("symjax_models/models/a.py", "import optax", "optax is used only in training"),
        ("experiments/a.py", "import orbax.checkpoint as ocp", "orbax is used only in training"),
        ("symjax_models/models/a.py", "from absl import flags", "absl is used only"),
        ("symjax_models/training/a.py", "import ml_collections", "ml_collections is used only"),
        ("symjax_models/models/a.py", "import matplotlib.pyplot", "matplotlib is used only"),
        ("experiments/a.py", "import pickle", "pickle is used only in no place"),
        ("experiments/a.py", "x = eval('1')", "instead of eval"),
        ("experiments/a.py", "exec('x = 1')", "instead of exec"),
        ("experiments/a.py", "np.load(f, allow_pickle=True)", "allow_pickle is never true"),
        ("experiments/a.py", "np.load(f, allow_pickle=flag)", "allow_pickle is never true"),
        ("symjax_models/ops/a.py", "import jax\njax.random.PRNGKey(0)", "use jax.random.key"),
        ("symjax_models/ops/a.py", "from jax import random as r\nr.PRNGKey(0)", "jax.random.key"),
        ("symjax_models/ops/a.py", "from jax.random import PRNGKey", "use jax.random.key"),
        ("symjax_models/ops/a.py", "import jax\njax.pmap(f)", "use jax.jit with NamedSharding"),
        ("symjax_models/ops/a.py", "from jax import pmap", "use jax.jit with NamedSharding"),
        ("symjax_models/ops/a.py", "from __future__ import annotations", "no __future__ imports"),
        ("symjax_models/ops/utils.py", "", "named after its idea, not 'utils'"),
        ("symjax_models/ops/graph_helpers.py", "", "named after its idea"),
        ("symjax_models/ops/egnn_v2.py", "", "named after its idea"),
        ("symjax_models/core/graph.py", "", "named after its idea, not 'core'"),
        ("symjax_models/ops/a.py", "\n" * 351, "a file is one idea"),
    ],
)
def test_control_broken_rules_are_reported(path, source, sentence):
    assert any(sentence in text for text in violations(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("symjax_models/ops/graph.py", "from flax import struct"),
        ("symjax_models/training/a.py", "import optax, orbax.checkpoint\nfrom flax import struct"),
        ("symjax_models/data/a.py", "from symjax_models import progress"),
        ("symjax_models/layers/a.py", "import flax.linen as nn\nfrom symjax_models.ops import x"),
        ("symjax_models/layers/a.py", "from . import dense\nfrom ..ops import x"),
        ("symjax_models/layers/a.py", "from symjax_models.typing import PRNGKey"),
        ("symjax_models/layers/a.py", "from symjax_models import typing\nk: typing.PRNGKey"),
        ("experiments/a.py", "from symjax_models import audit, data, training"),
        ("experiments/a.py", "import symjax_models\nfrom experiments import store"),
        ("experiments/a.py", "np.load(f, allow_pickle=False)"),
        ("experiments/a.py", "jax.eval_shape(f)\nmodel.eval()"),
        ("configs/nbody/a.py", "import ml_collections\nfrom configs.nbody import base"),
        ("symjax_models/ops/a.py", "\n" * 350),
    ],
)
def test_control_kept_rules_are_not_reported(path, source):
    assert violations(path, source) == []
