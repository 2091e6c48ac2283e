"""What is installed is what is in the tree, and the tree keeps its own rules."""

from __future__ import annotations

import ast
import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = ("assets", "audio", "gui", "inference", "voices")
LONGEST_FILE, LONGEST_FUNCTION = 400, 60


def packages() -> set[str]:
    """Every folder of the product with Python in it."""
    found = set()
    for top in SHIPPED:
        for file in (ROOT / top).rglob("*.py"):
            if "__pycache__" not in file.parts:
                found.add(".".join(file.parent.relative_to(ROOT).parts))
    return found


def modules() -> list[Path]:
    shipped = (path for top in SHIPPED for path in sorted((ROOT / top).rglob("*.py")))
    return [*sorted(ROOT.glob("cli*.py")), *shipped]


def test_every_package_of_the_tree_is_installed_and_no_other() -> None:
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages()


def test_every_package_has_its_sentence() -> None:
    for package in packages():
        init = ROOT.joinpath(*package.split("."), "__init__.py")
        assert init.exists(), f"{package} has no __init__.py"
        assert ast.get_docstring(ast.parse(init.read_text(encoding="utf-8"))), f"{init} has no docstring"


def test_the_command_points_at_a_function() -> None:
    assert PROJECT["project"]["scripts"] == {"menura": "cli:main"}
    (entry,) = (e for e in importlib.metadata.entry_points(group="console_scripts") if e.name == "menura")
    assert callable(entry.load())


def test_dependencies_are_pinned() -> None:
    for requirement in PROJECT["project"]["dependencies"]:
        assert "==" in requirement, requirement


def test_torch_is_no_dependency_of_the_product() -> None:
    assert not any("torch" in requirement for requirement in PROJECT["project"]["dependencies"])


def test_data_files_are_covered() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    suffixes = {Path(pattern).suffix for pattern in patterns}
    data = [p for p in (ROOT / "assets").rglob("*") if p.is_file() and p.suffix not in {".py", ".pyc", ".md"}]
    assert data
    assert {p.suffix for p in data} <= suffixes


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_stay_small_and_explained(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    assert ast.get_docstring(tree), "no docstring"
    assert source.count("\n") <= LONGEST_FILE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, f"{node.name} is too long"


def tool(name: str) -> str:
    """Path of a checker of this environment."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed; pip install 'menura[test]'")
    return found


@pytest.mark.parametrize(
    "command", [("lint-imports", "--no-cache"), ("ruff", "check", "--no-cache", "."), ("mypy",)], ids=" ".join
)
def test_the_checkers_are_content(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [tool(command[0]), *command[1:]], cwd=ROOT, capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
