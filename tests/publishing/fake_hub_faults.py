"""What goes wrong on purpose, for the k-th request of a kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Fault:
    """One fault.

    Attributes:
        request: a regular expression for `POST /api/repos/create` and the like.
        status: the answer, with no work done; 0 for none.
        headers: of that answer.
        upload_cut_after: bytes of the request that are read before the connection is cut.
        answer_cut_after: bytes of the answer that are sent, the work done, before the connection is cut.
        silent_s: seconds for which nothing is answered, before the connection is cut.
        spoil: the content that came with the request is kept wrong.
        skip: how many such requests go well before.
        times: how many go wrong.
        does: what happens when such a request comes, before anything else.
    """

    request: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    upload_cut_after: int | None = None
    answer_cut_after: int | None = None
    silent_s: float | None = None
    spoil: bool = False
    skip: int = 0
    times: int = 1_000_000
    does: Callable[[], None] | None = None

    def strikes(self, request: str) -> bool:
        """Whether this request goes wrong; counts it."""
        if not re.search(self.request, request) or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True
