"""What is loaded when it is first used, and that a process starts without it."""

import colorsys
import subprocess
import sys

import pytest

from lyceum.platform.loading import later

_RARE = ("typst", "babel", "segno", "lxml", "webauthn", "httpx")


def test_module_is_what_it_would_be_by_an_import() -> None:
    assert later("colorsys").rgb_to_hsv is colorsys.rgb_to_hsv
    with pytest.raises(AttributeError):
        _ = later("colorsys").nothing


def test_missing_module_is_found_out_by_its_first_use() -> None:
    missing = later("lyceum.no_such_module")
    with pytest.raises(ModuleNotFoundError):
        _ = missing.anything


@pytest.mark.parametrize("process", ["web", "worker"])
def test_processes_start_without_what_few_of_them_need(process: str) -> None:
    asked = f"import sys, lyceum.app.{process}; print(*sorted(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert f"lyceum.app.{process}" in loaded
    assert loaded.isdisjoint(_RARE)
