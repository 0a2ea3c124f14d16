"""Simulates a machine with GPUs: a fake ``nvidia-smi`` and its environment variables."""

from pathlib import Path

import pytest

H100 = "NVIDIA H100 80GB HBM3"
A100 = "NVIDIA A100-SXM4-40GB"


def uuid(index: int) -> str:
    return f"GPU-{index}{index}{index}{index}aaaa-0000-1111-2222-333344445555"


def fake_gpus(patch: pytest.MonkeyPatch, folder: Path, *models: str) -> Path:
    """Put an ``nvidia-smi`` on the path that lists ``models``; return a file with a line per call.

    The environment variables that restrict the visible GPUs are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tool, calls = folder / "nvidia-smi", folder / "calls"
    lines = "".join(f"{index}, {uuid(index)}, {model}\n" for index, model in enumerate(models))
    tool.write_text(f"#!/bin/sh\necho called >> {calls}\ncat <<'END'\n{lines}END\n")
    tool.chmod(0o755)
    calls.touch()
    patch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        patch.delenv(name, raising=False)
    return calls
