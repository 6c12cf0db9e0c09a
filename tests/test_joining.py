"""What invites others: its files can be read by the programs that they are for, and what they name is there."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def load(path):
    return yaml.safe_load((ROOT / path).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", ["CONTRIBUTING.md", ".github/pull_request_template.md", ".github/workflows/test.yml"])
def test_every_make_command_is_one(path):
    named = re.findall(r"(?:`|^ +(?:- run: )?)make ([a-z-]+)", (ROOT / path).read_text(encoding="utf-8"), re.MULTILINE)
    assert named and set(named) <= TARGETS


def test_ten_commands():
    section = (
        (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("in ten commands")[2].partition("\n##")[0]
    )
    assert len([line for line in section.splitlines() if line.startswith("    ")]) == 10


def test_one_version():
    cited = load("CITATION.cff")
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert cited["version"] == PROJECT["version"] == re.search(r"^## (\d+\.\d+\.\d+),", changes, re.MULTILINE)[1]
    assert f"## {cited['version']}, {cited['date-released']}" in changes
    assert " AND ".join(cited["license"]) == PROJECT["license"]


def test_the_workflow_runs_what_the_project_supports():
    jobs = load(".github/workflows/test.yml")["jobs"]
    matrix = jobs["elsewhere"]["strategy"]["matrix"]
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert matrix["python"] == [f"3.{low}", f"3.{int(high) - 1}"] and len(matrix["system"]) == 3
    oldest = re.search(r'torch==(\d+\.\d+)\.\*" "torchvision==(\d+\.\d+)', str(jobs["elsewhere"]["steps"]))
    assert {f"torch>={oldest[1]}", f"torchvision>={oldest[2]}"} <= set(PROJECT["dependencies"])


@pytest.mark.parametrize("path", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml")), ids=lambda path: path.stem)
def test_a_form_asks_for_something(path):
    form = load(path)
    assert form["name"] and form["description"]
    assert any(part.get("validations", {}).get("required") for part in form["body"])
