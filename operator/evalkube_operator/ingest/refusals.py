"""Answers of ingest that refuse a request. Values only.

`code` is for the runner, which decides by it whether to try again; `detail` is for people.
"""

import math

__all__ = ["Refusal"]


class Refusal(Exception):
    """An answer other than success."""

    def __init__(
        self, status: int, code: str, detail: str, *, retry_after_s: float | None = None, **more: object
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.more = more

    @property
    def document(self) -> dict[str, object]:
        """The body of the answer."""
        return {"code": self.code, "detail": self.detail, **self.more}

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer. The code is among them, because an answer to HEAD has no body."""
        headers = {"Evalkube-Code": self.code}
        if self.retry_after_s is not None:
            headers["Retry-After"] = str(max(1, math.ceil(self.retry_after_s)))
        return headers | ({"WWW-Authenticate": "Bearer"} if self.status == 401 else {})
