"""The rules of the house: who may import whom, what may print, how fast the package imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import optimum_multilingual

PACKAGE = Path(optimum_multilingual.__file__).parent
ROOT = PACKAGE.parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ENGINES = {"gptqmodel", "auto_gptq", "awq", "llmcompressor", "compressed_tensors", "bitsandbytes", "hqq"}
ENGINES |= {"auto_round", "torchao", "logbar", "loguru", "optimum.quanto"}  # optimum is a namespace of several packages

# Each room may import those before it; rooms on one line may import each other.
ORDER = [
    {"errors"},
    {"flores"},
    {"language_codes"},
    {"known_languages"},
    {"language_names"},
    {"language_refusals", "languages", "presets"},
    {"config", "evaluation_config", "settings"},
    {"atomic_folder"},
    {"corpora", "calibration"},
    {"backends", "evaluation", "loaded_weights", "model_checks"},
    {"report"},
    {"least_time", "memory_plan"},
    {"analysis", "checkpoint", "comparison", "hub"},
    {"integration"},
    {"recovery"},
    {"commands"},
]


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def rank_of(room):
    return next(rank for rank, rooms in enumerate(ORDER) if room in rooms)


def imports_of(path):
    """(absolute dotted name, whether inside a function) of everything a module imports."""
    package = ".".join(["optimum_multilingual", *path.relative_to(PACKAGE).parts[:-1]])
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = {id(node) for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)}
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            top_level -= {id(node) for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, id(node) not in top_level
        elif isinstance(node, ast.ImportFrom):
            parent = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            name = ".".join([*parent, *([node.module] if node.module else [])])
            names = [f"{name}.{alias.name}" for alias in node.names] if node.module is None else [name]
            for full in names:
                yield full, id(node) not in top_level


def test_every_module_has_a_room():
    assert {room_of(path) for path in MODULES} - {"__init__"} == set.union(*ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path):
    if room_of(path) == "__init__":
        return
    for name, _ in imports_of(path):
        parts = name.split(".")
        if parts[0] == "optimum_multilingual" and len(parts) > 1:
            assert rank_of(parts[1]) <= rank_of(room_of(path)), f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_engines_are_imported_in_backends_and_inside_functions_only(path):
    for name, inside_function in imports_of(path):
        if name.split(".")[0] in ENGINES or ".".join(name.split(".")[:2]) in ENGINES:
            assert room_of(path) == "backends" and inside_function, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_the_rooms_of_the_hub_reach_the_network(path):
    reaches = {name for name, _ in imports_of(path) if name.split(".")[0] in {"huggingface_hub", "httpx", "requests"}}
    assert not reaches or room_of(path) == "hub" or path.name in {"hub_repository.py", "hub_errors.py"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_commands_print(path):
    calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
    prints = [call.lineno for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    assert not prints or room_of(path) == "commands"


@pytest.mark.parametrize(
    "module",
    [
        "calibration/mixture.py",
        "calibration/packing.py",
        "evaluation/divergence.py",
        "evaluation/bootstrap.py",
        "report/table.py",
        "report/significance.py",
        "report/scores.py",
    ],
)
def test_pure_modules_touch_no_files_and_no_models(module):
    impure = {"pathlib", "os", "io", "transformers", "accelerate", "datasets", "pyarrow", "shutil", "tempfile"}
    imported = {name.split(".")[0] for name, _ in imports_of(PACKAGE / module)}
    assert not imported & impure


# Makers of generators of one's own; every other name of these modules draws from the generator all share.
PRIVATE_GENERATORS = {"random.Random", "np.random.default_rng", "np.random.Generator", "torch.Generator"}
# These draw nothing: with them a generator that an engine has seeded is put back.
PRIVATE_GENERATORS |= {"random.getstate", "random.setstate", "np.random.get_state", "np.random.set_state"}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_randomness_is_private(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    random = {name for name in used if name.startswith(("random.", "np.random.")) or "manual_seed" in name}
    assert random <= PRIVATE_GENERATORS
    assert not [name for name, _ in imports_of(path) if name in ("torch.random", "numpy.random")]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_public_class_function_and_method_has_a_docstring(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [
        f"{getattr(owner, 'name', path.name)}.{node.name}"
        for owner in ast.walk(tree)
        if isinstance(owner, ast.Module | ast.ClassDef)
        for node in owner.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
        if not (isinstance(owner, ast.ClassDef) and _is_told_elsewhere(owner, node))
        if not ast.get_docstring(node)
    ]


def _is_told_elsewhere(owner, method):
    """Methods of the faces of corpora, engines, commands and Transformers' quantizers, told where the face is."""
    faces = {
        "Corpus": {"languages", "documents", "describe", "identity"},
        "Backend": {"method_of", "check_model", "quantize", "details", "running", "checkpoint", "save"},
        "Command": {"parse_args", "run"},
        "Quantizer": {"update_device_map", "postprocess_model", "is_serializable", "is_trainable"},
    }
    return any(owner.name.endswith(face) and method.name in names for face, names in faces.items())


EVERY_FILE = sorted(
    {*MODULES, *(path for room in ("tests", "examples", "benchmarks") for path in (ROOT / room).rglob("*.py"))}
)


@pytest.mark.parametrize("path", EVERY_FILE, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_small_and_named_after_what_they_hold(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 300
    assert path.stem not in {"utils", "helpers", "common", "misc"}


def test_star_import_needs_no_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "evaluate", None)
    monkeypatch.delitem(sys.modules, "optimum_multilingual.evaluation.perplexity", raising=False)
    names = {}
    exec("from optimum_multilingual import *", names)
    assert set(optimum_multilingual.__all__) <= names.keys()


def test_public_names_are_sorted_and_exist():
    names = optimum_multilingual.__all__
    assert names == sorted(names)
    assert all(hasattr(optimum_multilingual, name) for name in names)


def test_every_public_name_has_a_docstring_and_is_in_the_docs():
    docs = "\n".join(path.read_text(encoding="utf-8") for path in (PACKAGE.parent / "docs").glob("*.md"))
    for name in optimum_multilingual.__all__:
        assert getattr(optimum_multilingual, name).__doc__, name
        assert name in docs, f"{name} is not in docs/"


def test_the_optimum_namespace_has_no_init_file():
    assert not list((PACKAGE.parent / "optimum").rglob("__init__.py"))


def test_importing_the_package_loads_nothing_heavy_and_registers_nothing():
    script = "import sys, optimum_multilingual; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "transformers", "numpy", "accelerate", "optimum", "langcodes", "pyarrow"}


def test_the_command_line_help_loads_nothing_heavy():
    script = "import sys, optimum_multilingual.commands.multilingual; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "transformers", "numpy", "accelerate", "pyarrow"}
