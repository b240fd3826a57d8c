"""Every path, command and name that the documentation gives exists."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "docker").rglob("*.md")])
FOLDERS = r"\.ci|benchmarks|config|docker|docs|examples|launch|locate3d_ros|msg|resource|rviz|test|tools"
# A path that begins at the repository's root; one with a placeholder such as <name> or ... is not a path.
REPOSITORY_PATH = re.compile(rf"(?<![\w/.~$<-])(?:\./)?((?:{FOLDERS})/[\w.*/-]*[\w*/])(?![\w<{{…])")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(REPOSITORY).as_posix())


def code_of(page: Path) -> str:
    """Take what a page shows as code: fenced and indented blocks, and spans, one a line."""
    text = page.read_text(encoding="utf-8")
    fences = re.findall(r"^ *```[^\n]*\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL)
    rest = re.sub(r"^ *```[^\n]*\n.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = re.findall(r"^(?: {4}|\t)(.*)$", rest, re.MULTILINE)
    spans = re.findall(r"`([^`\n]+)`", rest)
    return "\n".join([*fences, *indented, *spans])


def commands(page: Path, program: str) -> list[str]:
    """Give the first word after a program's name, wherever a command line begins with it."""
    start = rf"(?:^|[;&|(]|\$)\s*(?:[A-Z_0-9]+=\S+\s+)*(?:\.venv/bin/|sudo )?{program}[ \t]+([\w-]+)"
    return re.findall(start, code_of(page), re.MULTILINE)


def make_targets() -> set[str]:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z][\w-]*):(?!=)", makefile, re.MULTILINE))


def console_scripts() -> set[str]:
    setup = (REPOSITORY / "setup.py").read_text(encoding="utf-8")
    return set(re.findall(r'"(\w+_node|play_recording|locate3d)\b', setup))


def subcommands() -> set[str]:
    """Read the names from the source: the command line's parser lists them nowhere else."""
    arguments = "".join(path.read_text(encoding="utf-8") for path in (REPOSITORY / "locate3d_ros/cli").glob("*.py"))
    return set(re.findall(r'subcommand\("(\w+)"', arguments))


def test_the_first_page_is_checked():
    assert REPOSITORY / "README.md" in PAGES


@every_page
def test_paths_exist(page):
    paths = set(REPOSITORY_PATH.findall(page.read_text(encoding="utf-8")))
    assert [path for path in sorted(paths) if not list(REPOSITORY.glob(path.rstrip("/")))] == []


@every_page
def test_links_lead_somewhere(page):
    targets = {target.split("#")[0] for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target}
    assert [target for target in sorted(targets) if target and not (page.parent / target).exists()] == []


@every_page
def test_make_targets_exist(page):
    assert set(commands(page, "make")) <= make_targets()


@every_page
def test_subcommands_exist(page):
    named = [*commands(page, "locate3d"), *commands(page, r"(?:\S*python3?) -m locate3d_ros")]
    assert set(named) - {"--help"} <= subcommands()


@every_page
def test_modules_that_are_run_exist(page):
    modules = re.findall(r"-m (locate3d_ros[\w.]*)(?![\w.<…*])", code_of(page))
    assert [module for module in modules if find_spec(module) is None] == []


@every_page
def test_launch_files_exist(page):
    named = set(re.findall(r"ros2 launch locate3d_ros (\S+)", code_of(page)))
    assert [name for name in sorted(named) if not (REPOSITORY / "launch" / name).is_file()] == []


@every_page
def test_executables_exist(page):
    assert set(re.findall(r"ros2 run locate3d_ros (\w+)", code_of(page))) <= console_scripts()


@every_page
def test_interfaces_exist(page):
    named = set(re.findall(r"locate3d_msgs/((?:msg|srv|action)/\w+)", page.read_text(encoding="utf-8")))
    files = {
        path.relative_to(REPOSITORY / "msg/locate3d_msgs").with_suffix("").as_posix()
        for path in (REPOSITORY / "msg/locate3d_msgs").glob("*/*")
    }
    assert named <= files


@every_page
def test_extras_exist(page):
    pyproject = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    extras = re.findall(r"(?:locate3d_ros|\.|/)\[([a-z,]+)\]", code_of(page))
    named = {extra for group in extras for extra in group.split(",")}
    assert [extra for extra in sorted(named) if not re.search(rf"^{extra} = \[", pyproject, re.MULTILINE)] == []


def test_a_wrong_path_and_a_wrong_command_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "See `docs/nowhere.md`.\n\n    make nothing\n    locate3d fly --far\n\nWe make sure.\n", encoding="utf-8"
    )
    assert REPOSITORY_PATH.findall(page.read_text(encoding="utf-8")) == ["docs/nowhere.md"]
    assert commands(page, "make") == ["nothing"]
    assert commands(page, "locate3d") == ["fly"]


def test_names_are_read_from_the_sources():
    assert {"demo", "test", "setup"} <= make_targets()
    assert {"map", "localize"} <= subcommands()
    assert {"mapping_node", "localization_node", "locate3d_node", "play_recording", "locate3d"} == console_scripts()
