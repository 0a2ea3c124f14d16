"""MLflow's server as `besom ui` starts it: no writes from pages of other origins, no assistant.

MLflow accepts writes from every page of this machine, whatever its port. A browser sends the page's
origin with each such request, and here only the server's own origin is accepted. Programs send no
origin, and may write.

MLflow's assistant runs commands on this machine for a language model, and MLflow has no option to
turn it off. Here its API answers 404, and MLflow's page hides it.

MLflow finds :data:`app` by its entry point, ``mlflow server --app-name besom``.
"""

from urllib.parse import urlsplit

from mlflow.server.fastapi_app import app as mlflow_app
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READING = ("GET", "HEAD", "OPTIONS")
ASSISTANT = "/ajax-api/3.0/mlflow/assistant"
CACHED = (b"if-none-match", b"if-modified-since")
# MLflow's page keeps the last choices here. By default it opens the pages for language models with
# the assistant beside them, and a notice on usage reports, which this server does not accept.
SETTINGS = b"""\
<script>
localStorage.setItem("mlflow.assistant.panelOpen_v1", "false");
localStorage.setItem("mlflow.assistant.fab.autoOpenedOnFirstLoad_v1", "true");
localStorage.setItem("mlflow.settings.telemetry.enabled_v1", "false");
localStorage.setItem("mlflow.telemetry.info.alert.dismissed_v1", "true");
if (localStorage.getItem("mlflow.workflowType_v1") === null)
  localStorage.setItem("mlflow.workflowType_v1", '"machine_learning"');
</script>
<style>[data-assistant-ui] { display: none !important }</style>
</head>"""


class OwnOrigin:
    """Refuses, with 403, write requests from pages of another origin."""

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


class NoAssistant:
    """Answers 404 to requests for MLflow's assistant, and opens MLflow's page at the runs."""

    def __init__(self, application: ASGIApp) -> None:
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._application
        if scope["type"] == "http" and scope["path"].startswith(ASSISTANT):
            answer = PlainTextResponse("the assistant is off\n", 404)
        elif scope["type"] == "http" and scope["path"] == "/":
            answer = self._page
        await answer(scope, receive, send)

    async def _page(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send MLflow's page with :data:`SETTINGS`.

        The page is sent whole, since a copy in the browser's cache may have other settings.
        """
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        asked = [(name, value) for name, value in scope["headers"] if name not in CACHED]
        await self._application({**scope, "headers": asked}, receive, keep)
        start, *parts = messages
        text = b"".join(part.get("body", b"") for part in parts).replace(b"</head>", SETTINGS, 1)
        headers = MutableHeaders(raw=list(start["headers"]))
        del headers["etag"], headers["last-modified"]
        if scope["method"] != "HEAD":
            headers["content-length"] = str(len(text))
        await send({**start, "headers": headers.raw})
        await send({"type": "http.response.body", "body": text})


app = NoAssistant(OwnOrigin(mlflow_app))
