"""MLflow's web interface for one root; for this machine only, if not told otherwise."""

import os
import sys
from pathlib import Path

from besom.cli import serving
from besom.cli.serving import HOST, Server, allowed_hosts
from besom.common.errors import StoreError
from besom.common.sqlite import readable_file


def serve(root: Path, port: int, host: str = HOST) -> None:
    """Serve the runs of ``root`` at an address of this machine until interrupted.

    Raises:
        StoreError: there is nothing to serve.
        UserError: the port cannot be used, or the server does not start.
    """
    database = root.absolute() / "mlflow.db"
    if not database.exists():
        raise StoreError(
            f"{root} holds no runs yet: there is no {database.name}.\n"
            "Run `besom train` first, or name the right folder with --root."
        )
    artifacts = database.parent / "artifacts"
    serving.serve(_mlflow(readable_file(database), artifacts, port, host), root, "the runs")


def _mlflow(database: Path, artifacts: Path, port: int, host: str) -> Server:
    command = [sys.executable, "-m", "mlflow", "server"]
    # Relative to its working folder: MLflow would make folders of what an address has escaped.
    command += ["--backend-store-uri", f"sqlite:///{database.name}", "--no-serve-artifacts"]
    command += ["--default-artifact-root", artifacts.as_uri()]
    command += ["--app-name", "besom"]  # see own_origin
    command += ["--host", host, "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", ",".join(allowed_hosts(port, host))]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": os.environ.get("MLFLOW_DISABLE_TELEMETRY", "true"),
    }
    return Server("MLflow", command, port, "/health", environment, host, database.parent)
