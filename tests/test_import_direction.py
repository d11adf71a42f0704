"""The rules of the code base that a machine can check: who imports whom, and what nobody does."""

import ast
import pathlib

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]

_CHAIN = ("groups", "reps", "ops", "layers", "models", "training", "experiments")
ALLOWED = {room: set(_CHAIN[: index + 1]) for index, room in enumerate(_CHAIN)}
ALLOWED["data"] = {"groups", "reps", "ops", "data"}
ALLOWED["audit"] = {"groups", "reps", "ops", "audit"}
ALLOWED["experiments"] |= {"data", "audit"}
ALLOWED["configs"] = {"configs"}
# Modules beside the rooms that every room may import.
EVERYWHERE = {"typing", "progress"}

FENCES = {
    "flax.linen": {"layers", "models"},
    "flax.struct": {"layers", "models", "ops/graph.py", "training"},
    "optax": {"training"},
    "orbax": {"training"},
    "absl": {"experiments", "configs"},
    "ml_collections": {"experiments", "configs"},
    "matplotlib": {"audit", "experiments"},
    "tensorboardX": {"training"},
    "torch": {"experiments"},
    "pickle": set(),
    "clu": set(),
    "jraph": set(),
}
FORBIDDEN_NAMES = {"utils", "util", "helpers", "common", "core", "misc"}
FORBIDDEN_CALLS = {"eval", "exec"}
FORBIDDEN_ATTRIBUTES = {"pmap": "jax.jit with NamedSharding", "PRNGKey": "jax.random.key"}
MAX_LINES = 350


def room_of(path):
    """Return the room of a file: a folder of the package, `experiments` or `configs`."""
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] != "symjax_models":
        return parts[0]
    return parts[1] if len(parts) > 2 else "package"


def imported_modules(node):
    """Return the absolute names that an import statement brings in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [f"{node.module}.{alias.name}" for alias in node.names]
    return []


def import_violations(path, name):
    room = room_of(path)
    parts = name.split(".")
    target = None
    if parts[0] == "symjax_models" and len(parts) > 1:
        target = parts[1]
    elif parts[0] in ("experiments", "configs"):
        target = parts[0]
    if target is not None and target not in EVERYWHERE and room != "package":
        allowed = ALLOWED.get(room, set())
        if target not in allowed:
            yield f"{room} must not import {target}; it may import {', '.join(sorted(allowed))}"
    for library, rooms in FENCES.items():
        if name == library or name.startswith(library + "."):
            inside = pathlib.PurePosixPath(path).parts[1:]
            if room not in rooms and "/".join(inside) not in rooms:
                yield f"{library} is imported only in {', '.join(sorted(rooms)) or 'no place'}"


def violations(path, source):
    """Return the broken rules of one file, as `path:line: sentence`."""
    found = []
    stem = pathlib.PurePosixPath(path).stem
    if stem in FORBIDDEN_NAMES or stem.endswith(("_old", "_v2", "_new")):
        found.append(f"{path}:1: a file is named after its idea, not {stem!r}")
    if source.count("\n") > MAX_LINES:
        found.append(f"{path}:1: {source.count(chr(10))} lines; a file is one idea, 300 at most")
    for node in ast.walk(ast.parse(source)):
        for name in imported_modules(node):
            found += [f"{path}:{node.lineno}: {text}" for text in import_violations(path, name)]
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            found.append(f"{path}:{node.lineno}: no __future__ imports")
        if isinstance(node, ast.Call):
            called = getattr(node.func, "id", None)
            if called in FORBIDDEN_CALLS:
                found.append(f"{path}:{node.lineno}: {called} of data is forbidden")
            for keyword in node.keywords:
                if keyword.arg == "allow_pickle" and getattr(keyword.value, "value", None):
                    found.append(f"{path}:{node.lineno}: allow_pickle is forbidden")
        if isinstance(node, ast.Attribute) and node.attr in FORBIDDEN_ATTRIBUTES:
            instead = FORBIDDEN_ATTRIBUTES[node.attr]
            found.append(f"{path}:{node.lineno}: use {instead} instead of {node.attr}")
    return found


FILES = [
    file.relative_to(ROOT).as_posix()
    for folder in ("symjax_models", "experiments", "configs")
    for file in sorted((ROOT / folder).rglob("*.py"))
]


def test_files_are_found():
    assert len(FILES) > 30


@pytest.mark.parametrize("path", FILES)
def test_file_keeps_the_rules(path):
    assert violations(path, (ROOT / path).read_text()) == []


@pytest.mark.parametrize(
    ("path", "source", "sentence"),
    [
        ("symjax_models/ops/a.py", "from symjax_models.layers import dense", "ops must not import"),
        ("symjax_models/groups/a.py", "import symjax_models.reps", "groups must not import reps"),
        ("symjax_models/data/a.py", "from symjax_models import models", "data must not import"),
        ("symjax_models/audit/a.py", "from symjax_models.training import loop", "audit must not"),
        ("symjax_models/training/a.py", "from experiments import store", "training must not"),
        ("configs/nbody/a.py", "import symjax_models.models", "configs must not import models"),
        ("symjax_models/ops/a.py", "import flax.linen as nn", "flax.linen is imported only"),
        ("symjax_models/ops/a.py", "from flax import struct", "flax.struct is imported only"),
        ("symjax_models/models/a.py", "import optax", "optax is imported only in training"),
        ("symjax_models/models/a.py", "from absl import flags", "absl is imported only"),
        ("symjax_models/models/a.py", "import matplotlib.pyplot", "matplotlib is imported only"),
        ("experiments/a.py", "import pickle", "pickle is imported only in no place"),
        ("experiments/a.py", "x = eval('1')", "eval of data is forbidden"),
        ("experiments/a.py", "np.load(f, allow_pickle=True)", "allow_pickle is forbidden"),
        ("symjax_models/ops/a.py", "jax.random.PRNGKey(0)", "use jax.random.key"),
        ("symjax_models/ops/a.py", "jax.pmap(f)", "use jax.jit with NamedSharding"),
        ("symjax_models/ops/utils.py", "", "named after its idea"),
        ("symjax_models/ops/a.py", "\n" * 400, "a file is one idea"),
    ],
)
def test_control_broken_rules_are_reported(path, source, sentence):
    assert any(sentence in text for text in violations(path, source))


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("symjax_models/ops/graph.py", "from flax import struct"),
        ("symjax_models/data/a.py", "from symjax_models import progress"),
        ("symjax_models/layers/a.py", "import flax.linen as nn\nfrom symjax_models.ops import x"),
        ("experiments/a.py", "from symjax_models import audit, data, training"),
        ("experiments/a.py", "np.load(f, allow_pickle=False)"),
    ],
)
def test_control_kept_rules_are_not_reported(path, source):
    assert violations(path, source) == []
