"""What MLflow takes in one request, and of one value (``mlflow/utils/validation.py``)."""

PARAMS = TAGS = 100
METRICS = 800  # 1000 together with the other two
KEY_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000
# The column of the database (``mlflow/store/tracking/dbmodels/models.py``).
RUN_NAME_LENGTH = 250


def shorten(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, an ellipsis saying that some are missing."""
    return text if len(text) <= limit else text[: limit - 1] + "…"
