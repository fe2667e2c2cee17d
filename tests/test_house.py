"""The house itself: what is installed, what is shipped, and which way imports go."""

import ast
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest

import gateway

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
UNSEEN = {
    "tzdata",  # zoneinfo reads it where the system has no zones
}
"""Dependencies that no line imports."""
LOCKS = ["requirements.lock", "requirements-build.lock", "requirements-dev.lock"]


def extras() -> Iterable[str]:
    """What the optional features need."""
    return [line for extra in PROJECT["project"]["optional-dependencies"].values() for line in extra]


def python_files(*folders: str) -> Iterable[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


# -- dependencies -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_by_hash_and_names_no_address(lock: str):
    """Every release is pinned and hashed, and where to fetch it from is the user's own choice."""
    text = (ROOT / lock).read_text()
    releases = re.split(r"\n(?=\S)", text.strip())
    assert releases and all(re.match(r"[\w.-]+==\S+", release) and "--hash=sha256:" in release for release in releases)
    assert "://" not in text and "index" not in re.sub(r"\S*==", "", text)


def test_every_dependency_has_a_floor_and_a_cap():
    """A release nobody has tried is not installed by accident; the time-zone calendar alone has no cap."""
    wanted = [*PROJECT["project"]["dependencies"], *extras()]
    assert [line for line in wanted if not re.fullmatch(r"[\w-]+>=[\d.]+,<[\d.]+", line)] == ["tzdata>=2026.6"]


def third_party(files: Iterable[Path]) -> set[str]:
    """Top-level packages these files import that are neither Python's nor ours."""
    names = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"gateway", "plugins"}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    """The list of dependencies is neither short nor padded."""
    packages = metadata.packages_distributions()
    used = {packages[name][0].lower().replace("_", "-") for name in third_party(python_files("gateway", "plugins"))}
    declared = {re.match(r"[\w-]+", line)[0] for line in [*PROJECT["project"]["dependencies"], *extras()]}
    assert used - declared == set()
    assert declared - used == UNSEEN


# -- what is shipped --------------------------------------------------------------------------------------------------


def test_the_wheel_carries_the_plugins_inside_the_package(tmp_path: Path):
    """The wheel has the version of `gateway`, the built-in plugins under `gateway/_plugins`, and one top-level name."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, check=True,
        capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.iterdir()
    assert wheel.name == f"guest_gateway-{gateway.__version__}-py3-none-any.whl"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"gateway", f"guest_gateway-{gateway.__version__}.dist-info"}
    for path in (ROOT / "plugins").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            assert f"gateway/_plugins/{path.relative_to(ROOT / 'plugins')}" in names


# -- floors -----------------------------------------------------------------------------------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess:
    command = [shutil.which("lint-imports", path=Path(sys.executable).parent), "--no-logo", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code and its floor plan, to be spoilt."""
    for folder in ("gateway", "plugins"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_go_level_or_down(copy: Path):
    """The code as it is keeps to its floors."""
    answer = lint_imports(copy)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.parametrize(
    ("climber", "line"),
    [("gateway/errors.py", "import gateway.store.db"), ("plugins/stranger.py", "from gateway import store")],
)
def test_an_import_that_climbs_is_found(copy: Path, climber: str, line: str):
    """The floor plan is not decoration: a climbing import or a nosy plugin breaks it."""
    with (copy / climber).open("a") as file:
        file.write(f"\n{line}\n")
    assert "BROKEN" in lint_imports(copy).stdout


def test_every_folder_has_an_owner_in_the_architecture():
    """A reader finds each folder of code in docs/architecture.md, with what it is for."""
    folders = {path.parent.relative_to(ROOT) for path in python_files("gateway", "plugins")}
    text = (ROOT / "docs/architecture.md").read_text()
    assert [str(folder) for folder in sorted(folders) if f"`{folder}/`" not in text] == []


# -- tests ------------------------------------------------------------------------------------------------------------


def test_every_test_says_what_must_hold():
    """A failing test is read before its code: its docstring is the sentence that has become untrue."""
    tests = [
        (path, node)
        for path in python_files("tests")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_")
    ]
    assert tests
    assert [f"{path.name}: {node.name}" for path, node in tests if not ast.get_docstring(node)] == []
