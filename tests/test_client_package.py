"""The Python client as it is shipped: by itself, typed, and with little luggage."""

import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import guest_gateway
from tests.test_house import PROJECT, ROOT, python_files, third_party

CLIENT = ROOT / "clients" / "python"
OWN = tomllib.loads((CLIENT / "pyproject.toml").read_text())["project"]


def test_the_wheel_is_typed_licensed_and_brings_one_name(tmp_path: Path):
    """It has the package's version, its types, the licence of the gateway, and nothing of the gateway's."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=CLIENT, check=True,
        capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.iterdir()
    about = f"guest_gateway_client-{guest_gateway.__version__}.dist-info"
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names} == {"guest_gateway", about}
    assert {"guest_gateway/py.typed", f"{about}/licenses/LICENSE"} <= set(names)
    assert (CLIENT / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()


def test_it_knows_the_gateway_only_over_http():
    """Whoever installs it needs no gateway on his machine: importing it imports none."""
    question = "import guest_gateway, sys; sys.exit('gateway' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", question], cwd=CLIENT).returncode == 0


def test_it_needs_what_it_imports_within_the_bounds_that_are_tried_here():
    """Each dependency is imported, has a floor and a cap, and those are the ones of our own environment."""
    needed = {re.match(r"[\w-]+", line)[0]: line for line in OWN["dependencies"]}
    packages = metadata.packages_distributions()
    imported = third_party(python_files("clients/python/guest_gateway")) - {"guest_gateway"}
    assert {packages[name][0] for name in imported} == needed.keys()
    assert set(needed.values()) <= {*PROJECT["project"]["dependencies"], *map(str, PROJECT["dependency-groups"]["dev"])}
    assert OWN["requires-python"] == PROJECT["project"]["requires-python"]
