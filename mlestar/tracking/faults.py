"""What MLflow, its HTTP client and its database raise, as errors of ours; the one place that knows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from mlestar.errors import StoreUnavailable


class StoreRefused(StoreUnavailable):
    """The store answers and says no: waiting does not help."""


def store_error(error: Exception) -> StoreUnavailable:
    """The error of ours that says what a foreign error means."""
    status = getattr(error, "get_http_status_code", lambda: 503)()
    kind = StoreUnavailable if status >= 500 or status in (408, 429) else StoreRefused
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return kind(lines[0][:300])


@contextmanager
def mapped_errors() -> Iterator[None]:
    """Turn what MLflow, its HTTP client and its database raise into StoreUnavailable."""
    from mlflow.exceptions import MlflowException
    from requests.exceptions import RequestException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (MlflowException, RequestException, SQLAlchemyError, OSError) as error:
        raise store_error(error) from error
