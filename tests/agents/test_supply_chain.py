"""What must not lie beside our dependencies. litellm 1.82.7, 1.82.8 and 1.107.0 were published by
attackers, with files that Python runs at every start (FINDINGS, litellm)."""

from __future__ import annotations

import importlib.util
import re
import site
from importlib.metadata import distributions, version
from pathlib import Path

import pytest

from tests.processes import printed_by

ROOT = Path(__file__).parents[2]

# Every line of a .pth file is executed or added to the path, so each one is known to the letter.
KNOWN_PTH = {
    "distutils-precedence.pth": (  # setuptools, which pip and venv bring along
        "import os; var = 'SETUPTOOLS_USE_DISTUTILS'; enabled = os.environ.get(var, 'local') =="
        " 'local'; enabled and __import__('_distutils_hack').add_shim();"
    ),
    "aura.pth": f"{ROOT}/",  # this checkout, for its own commands
    "_virtualenv.pth": "import _virtualenv",  # uv venv and virtualenv, instead of python -m venv
}


def site_directories() -> list[Path]:
    return [Path(name) for name in site.getsitepackages() if Path(name).is_dir()]


def test_every_pth_file_is_known_to_the_letter():
    found = {file.name: file for folder in site_directories() for file in folder.glob("*.pth")}
    unknown = sorted(set(found) - set(KNOWN_PTH))
    assert unknown == []
    for name, file in found.items():
        assert file.read_text().strip() == KNOWN_PTH[name]


@pytest.mark.parametrize("name", ["sitecustomize", "usercustomize", "cook"])
def test_no_module_of_the_attacks_is_beside_our_dependencies(name):
    assert [file for folder in site_directories() for file in folder.glob(f"{name}*")] == []


def test_no_module_of_that_name_can_be_imported():
    assert importlib.util.find_spec("cook") is None


@pytest.mark.parametrize("name", ["sitecustomize.py", "usercustomize.py", "cook.py", "cook.pth"])
def test_no_installed_distribution_brings_such_a_file(name):
    guilty = [
        distribution.name
        for distribution in distributions()
        for file in distribution.files or ()
        if str(file) == name
    ]
    assert guilty == []


def test_litellm_is_the_one_release_that_was_looked_at():
    assert version("litellm") == "1.106.2"


def test_the_project_file_pins_litellm_exactly():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    pins = [line for line in lines if re.match(r'\s*"litellm\b', line)]
    assert [pin.split('"')[1] for pin in pins] == ["litellm==1.106.2"]


def test_the_adapter_does_not_import_litellm_before_a_model_is_asked():
    program = (
        "import sys, agents.runtime.llm, agents.runtime.litellm_model as m;"
        "m.LiteLLM(model='openai/x');"
        "print(sorted({'litellm', 'openai', 'httpx'} & set(sys.modules)))"
    )
    assert printed_by(program) == "[]"
