"""GPUs are found by their driver's tool and by CUDA's variable, never by using them."""

from pathlib import Path

import pytest

from besom.common.machine.devices import Device, visible_devices
from tests.nvidia_smi import A100, H100, fake_gpus, uuid

H, A = Device("0", H100), Device("1", A100)


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fake an ``nvidia-smi`` that lists two devices; return the file with a line for each call."""
    return fake_gpus(monkeypatch, tmp_path / "bin", H100, A100)


def test_all_are_visible_where_nothing_says_which_and_the_driver_is_asked_once(calls: Path) -> None:
    assert visible_devices() == (H, A)
    assert visible_devices() == (H, A)
    assert calls.read_text() == "called\n"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("1", [A]),
        (" 1 , 0", [A, H]),
        ("0,-1,1", [H]),
        ("0,7,1", [H]),
        (uuid(1), [Device(uuid(1), A100)]),
        ("GPU-1111", [Device("GPU-1111", A100)]),
        ("GPU-ffff,0", []),
        ("MIG-8a1b", [Device("MIG-8a1b")]),
        ("MIG-GPU-8a1b/1/0,1", [Device("MIG-GPU-8a1b/1/0"), A]),
    ],
)
def test_what_the_environment_says_counts_as_cuda_reads_it(
    given: str, found: list[Device], calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert list(visible_devices()) == found


def test_without_the_tool_the_environment_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_devices() == ()
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,GPU-1234")
    assert visible_devices() == (Device("3"), Device("GPU-1234"))


@pytest.mark.parametrize("script", ["exit 9", "echo No devices were found", "kill -9 $$"])
def test_a_tool_that_does_not_answer_finds_none(
    script: str, calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls.with_name("nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    assert visible_devices() == ()


def test_a_device_is_shown_as_its_driver_lists_it() -> None:
    assert list(map(str, (H, Device("2"), Device("MIG-8a1b")))) == [
        f"GPU 0: {H100}",
        "GPU 2",
        "MIG-8a1b",
    ]
