"""The container's files, as far as files can be checked: what they copy is there, what they promise is in them. Nothing is built here."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LINES = [
    line for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
]
STEPS = [line.partition(" ")[::2] for line in LINES]


def test_what_is_copied_is_there_and_is_what_the_wheel_needs():
    copied = {name for word, rest in STEPS if word == "COPY" for name in rest.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    wheel = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {
        *wheel["only-include"],
        "pyproject.toml",
        PROJECT["project"]["readme"],
        *PROJECT["project"]["license-files"],
    }
    assert needed | {path.split("/")[0] for path in wheel["shared-data"]} <= copied
    ignored = set((ROOT / ".dockerignore").read_text().split())
    assert not ignored & copied and {".git", "data/full", "my_pictures"} <= ignored


def test_it_does_not_run_as_root_and_says_who():
    words = [word for word, _ in STEPS]
    assert dict(STEPS)["USER"] == "student" and "useradd" in "".join(rest for word, rest in STEPS if word == "RUN")
    assert words.index("USER") < words.index("CMD") and "USER" not in words[words.index("USER") + 1 :]


def test_torch_and_torchvision_are_the_projects_and_installed_together():
    (install,) = [rest for _, rest in STEPS if "torchvision" in rest]
    wanted = [each for each in PROJECT["project"]["dependencies"] if each.startswith("torch")]
    assert re.findall(r'"(torch[^"]*)"', install) == wanted and "${TORCH}" in install and "://" not in install
    python = re.search(r"python:(\d+)\.(\d+)", dict(STEPS)["FROM"])
    low, beyond = map(int, re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["project"]["requires-python"]).groups())
    assert int(python[1]) == 3 and low <= int(python[2]) < beyond


def test_what_it_starts_is_a_command_of_the_course():
    command = json.loads(dict(STEPS)["CMD"])
    assert command[0] in PROJECT["project"]["scripts"] and command[1] == "lab"
    assert not any(re.search("token|password|allow-root", word) for word in command)


@pytest.mark.parametrize("path", [".devcontainer/devcontainer.json", ".devcontainer/cuda/devcontainer.json"])
def test_a_dev_container_builds_that_file(path):
    told = json.loads((ROOT / path).read_text(encoding="utf-8"))
    folder = (ROOT / path).parent
    assert (folder / told["build"]["dockerfile"]).resolve() == ROOT / "Dockerfile"
    assert (folder / told["build"]["context"]).resolve() == ROOT
    assert told["remoteUser"] == dict(STEPS)["USER"]
    assert ("cuda" in path) == ("--gpus" in told.get("runArgs", []))
