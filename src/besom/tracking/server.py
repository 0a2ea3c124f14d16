"""MLflow's server as `besom ui` starts it: pages of another origin cannot write.

MLflow takes writes from every page of this machine, whatever its port. A browser names the page's
origin in each such request, so here only the server's own is taken. Programs name none.

MLflow finds :data:`app` by its entry point, ``mlflow server --app-name besom``.
"""

from urllib.parse import urlsplit

from mlflow.server.fastapi_app import app as mlflow_app
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

READING = ("GET", "HEAD", "OPTIONS")


class OwnOrigin:
    """Refuses, with 403, what a page of another origin asks the application to change."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._application
        if scope["type"] == "http" and _is_foreign_write(scope["method"], Headers(scope=scope)):
            answer = PlainTextResponse("pages of another origin cannot write here\n", 403)
        await answer(scope, receive, send)


def _is_foreign_write(method: str, headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is None or method in READING:
        return False
    return urlsplit(origin).netloc != headers.get("host")


app = OwnOrigin(mlflow_app)
