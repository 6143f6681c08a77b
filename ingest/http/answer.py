"""Answer: what an upstream said; Validators: how to ask next time whether that still holds."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

_STORABLE = re.compile(r"[\x20-\x7e]{1,256}")


@dataclass(frozen=True, slots=True)
class Validators:
    """The ETag and Last-Modified of an address's last answer, as the upstream wrote them; empty
    where it gave none.
    """

    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Validators":
        """Take them from an answer's lower-case headers. One that is long or not printable ASCII
        is left out: we have to send it back.
        """
        return cls(
            *(
                value if _STORABLE.fullmatch(value) else ""
                for value in (headers.get("etag", ""), headers.get("last-modified", ""))
            )
        )

    def conditions(self) -> dict[str, str]:
        """Return the request headers that ask for the body only if it has changed (RFC 9110
        section 13.1).
        """
        both = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in both.items() if value}


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: 200 with its whole, unpacked body, or 304 with an empty one.

    `headers` has lower-case names. `url` is where it came from, after redirects. `cool_down_until`
    is set when the upstream said that this request used up our quota.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    validators: Validators
    cool_down_until: datetime | None = None

    @property
    def not_modified(self) -> bool:
        return self.status == 304

    @property
    def etag(self) -> str:
        return self.validators.etag

    @property
    def last_modified(self) -> str:
        return self.validators.last_modified
