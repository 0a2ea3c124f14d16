"""MLflow's web interface for one root, for this machine only."""

import os
import sys
from pathlib import Path

from besom import serving
from besom.errors import StoreError
from besom.serving import HOST, Server, allowed_hosts


def serve(root: Path, port: int) -> None:
    """Serve the runs of ``root`` on 127.0.0.1 until interrupted.

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
    serving.serve(_mlflow(database, port), root, "the runs")


def _mlflow(database: Path, port: int) -> Server:
    command = [sys.executable, "-m", "mlflow", "server"]
    command += ["--backend-store-uri", f"sqlite:///{database}", "--no-serve-artifacts"]
    command += ["--default-artifact-root", (database.parent / "artifacts").as_uri()]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    command += ["--allowed-hosts", ",".join(allowed_hosts(port))]
    environment = {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_DISABLE_TELEMETRY": os.environ.get("MLFLOW_DISABLE_TELEMETRY", "true"),
    }
    return Server("MLflow", command, port, "/health", environment)
