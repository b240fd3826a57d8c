"""The order of imports, the size of files and functions, and that nothing is unpickled: read from the source."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGE = REPOSITORY / "locate3d_ros"
MODULES = sorted(PACKAGE.rglob("*.py"))

FOUNDATION = {"types", "lazy_tensors", "geometry", "config", "errors", "files", "weights"}
PARTS = {"features", "mapping", "model", "localization"}
JOINTS = {"pipeline", "build"}
BESIDE = {"data", "visualization"}
OUTER = {"nodes", "evaluation"}
# What a folder or top-level file may import of the package, beside itself.
MAY_IMPORT: dict[str, set[str]] = {
    **dict.fromkeys(FOUNDATION, FOUNDATION),
    **dict.fromkeys(PARTS, FOUNDATION),
    **dict.fromkeys(JOINTS, FOUNDATION | PARTS | JOINTS),
    **dict.fromkeys(BESIDE, FOUNDATION),
    **dict.fromkeys(OUTER, FOUNDATION | PARTS | JOINTS | BESIDE),
    "training": FOUNDATION | PARTS | JOINTS | BESIDE | {"evaluation"},
    "cli": FOUNDATION | PARTS | JOINTS | BESIDE | {"evaluation", "training"},
    "__init__": {"pipeline", "data"},  # the two public names, on first use
    "__main__": {"cli"},
}
ROS_PACKAGES = {"ament_index_python", "cv_bridge", "message_filters", "rclpy", "rosidl_runtime_py", "sensor_msgs_py"}
ROS_PREFIXES = ("launch", "tf2_")
ROS_SUFFIXES = ("_msgs", "_srvs", "_interfaces")
MAX_FILE_LINES = 260
MAX_BODY_LINES = 30


@pytest.fixture
def run_python() -> Callable[[str], None]:
    """Run one line in a fresh interpreter; fails the test with its traceback."""

    def run(line: str) -> None:
        done = subprocess.run([sys.executable, "-c", line], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr

    return run


every_module = pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def unit_of(path: Path) -> str:
    """Name the folder, or the top-level file, that a module belongs to."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_names(tree: ast.AST) -> Iterator[str]:
    """Give the full names that a module imports, those within functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{'.' * node.level}{node.module or ''}.{alias.name}" for alias in node.names)


def is_ros(name: str) -> bool:
    root = name.split(".")[0]
    return root in ROS_PACKAGES or root.startswith(ROS_PREFIXES) or root.endswith(ROS_SUFFIXES)


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Count the lines of a function below its signature and docstring."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return body[-1].end_lineno - body[0].lineno + 1 if body else 0


def code_lines(path: Path) -> int:
    """Count the lines of a file without its docstring and without tables: literals assigned at module level."""
    tree = tree_of(path)
    tables = [node for node in tree.body if isinstance(node, (ast.Assign, ast.AnnAssign))]
    docstring = tree.body[:1] if ast.get_docstring(tree) is not None else []
    skipped = sum(node.end_lineno - node.lineno for node in (*tables, *docstring))
    return len(path.read_text(encoding="utf-8").splitlines()) - skipped


@every_module
def test_imports_run_one_way(path):
    unit = unit_of(path)
    assert unit in MAY_IMPORT, f"{unit} has no place in the order of imports"
    allowed = MAY_IMPORT[unit] | {unit, "__version__"}
    ours = (name.split(".") for name in imported_names(tree_of(path)) if name.split(".")[0] == "locate3d_ros")
    assert [name for name in ours if len(name) > 1 and name[1] not in allowed] == []


@every_module
def test_imports_are_absolute(path):
    assert [name for name in imported_names(tree_of(path)) if name.startswith(".")] == []


@every_module
def test_ros_is_imported_by_nodes_alone(path):
    if unit_of(path) != "nodes":
        assert [name for name in imported_names(tree_of(path)) if is_ros(name)] == []


@every_module
def test_file_is_about_one_concept(path):
    assert code_lines(path) <= MAX_FILE_LINES


@every_module
def test_function_bodies_fit_on_one_screen(path):
    functions = (n for n in ast.walk(tree_of(path)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef)))
    too_long = {f"{f.name}, line {f.lineno}": body_lines(f) for f in functions if body_lines(f) > MAX_BODY_LINES}
    assert too_long == {}


@every_module
def test_nothing_is_unpickled(path):
    """The name of pickle's error may be used, to turn it into a message; nothing else of pickle, dill and the like."""
    tree = tree_of(path)
    loaders = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "shelve", "joblib"}
    imported = {name for name in imported_names(tree) if name.split(".")[0] in loaders}
    used = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and ast.unparse(n.value) == "pickle"}
    assert imported <= {"pickle", "pickle.UnpicklingError"}
    assert used <= {"UnpicklingError"}


@every_module
def test_torch_and_numpy_load_plain_data_only(path):
    """`torch.load` always with weights_only=True, `numpy.load` never with allow_pickle."""
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    for call in calls:
        arguments = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert arguments.get("allow_pickle", "False") == "False", f"line {call.lineno}"
        if ast.unparse(call.func) in ("torch.load", "load_state_dict_from_file"):
            assert arguments.get("weights_only") == "True", f"line {call.lineno}"


def test_importing_the_package_needs_no_torch(run_python):
    run_python("import sys, locate3d_ros; assert 'torch' not in sys.modules")


def test_importing_the_main_path_needs_no_ros(run_python):
    run_python("import sys, locate3d_ros.build, locate3d_ros.pipeline; assert 'rclpy' not in sys.modules")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    'Doc.'\n    a = 1\n    return a\n", 2),
        ("def f():\n    'Only a docstring.'\n", 0),
        ("def f():\n    return (\n        1\n    )\n", 3),
    ],
)
def test_body_lines_leave_out_signature_and_docstring(source, expected):
    assert body_lines(ast.parse(source).body[0]) == expected


@pytest.mark.parametrize(
    "name", ["rclpy.node.Node", "tf2_ros", "sensor_msgs.msg.Image", "launch_ros.actions", "std_srvs.srv"]
)
def test_ros_packages_are_recognised(name):
    assert is_ros(name)


@pytest.mark.parametrize(
    "name", ["rosbags.rosbag2", "torch.launch", "locate3d_ros.nodes.ros_images", "collections.abc"]
)
def test_other_packages_are_not_taken_for_ros(name):
    assert not is_ros(name)
