"""What the values of the environment must look like: each function returns what is wrong, as
sentences for whoever set it.

Pure, and without Django, since the settings use it while they are being read.
"""

import json
import re
from collections.abc import Iterable, Mapping
from email.utils import getaddresses
from importlib.util import find_spec
from typing import Any
from urllib.parse import SplitResult, parse_qs, urlsplit

SHORTEST_KEY = 50
FEWEST_LETTERS = 5
"""A key of fewer different characters is no random text; Django's check W009 draws the line in
the same place.
"""
NO_WAY_OUT = {"base", "base_requests", "console", "test"}
"""Modules beside Anymail's backends that reach nobody."""
TAKEN_PATHS = frozenset(
    {
        "a",
        "anymail",
        "c",
        "editions",
        "healthz",
        "n",
        "outbox",
        "p",
        "preferences",
        "robots.txt",
        "search",
        "sign-up",
        "static",
        "topics",
        "u",
        "v",
    },
)
"""First parts of the addresses of our own pages, which the desk would hide or be hidden by."""
_ADDRESS = re.compile(
    r"[!#-'*+/-9=?A-Z^-~-]+(\.[!#-'*+/-9=?A-Z^-~-]+)*@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
)
_HOST = re.compile(
    r"[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9A-Fa-f:.]+\]"
)


def site_url_problems(url: str) -> list[str]:
    """Want scheme and host, perhaps a port, and nothing more: links are made by adding a path."""
    parts = _split(url)
    if (
        parts
        and parts.scheme in {"http", "https"}
        and _HOST.fullmatch(_without_port(parts))
        and url.endswith(parts.netloc)
    ):
        return []
    return [
        (
            "SITE_URL must be the address readers open, without a path, such as "
            "https://paperboy.example.org."
        )
    ]


def database_url_problems(url: str, database: Mapping[str, Any]) -> list[str]:
    """Want one of the two databases that the promises are tested on; `database` is what Django
    was given for the address.
    """
    if database["ENGINE"].endswith(".sqlite3"):
        return []
    if _is_misread(url):
        return [_must_be_encoded("DATABASE_URL")]
    if database["ENGINE"].endswith(".postgresql") and database["NAME"]:
        return []
    return [
        (
            "DATABASE_URL must name PostgreSQL, such as "
            "postgres://user:password@host:5432/name, or be "
            "left out for SQLite."
        )
    ]


def redis_url_problems(url: str) -> list[str]:
    """Want a Redis server, by address or by socket."""
    parts = _split(url)
    if parts and parts.scheme == "redis+socket" and parts.path:
        return []
    if _is_misread(url):
        return [_must_be_encoded("REDIS_URL")]
    if (
        parts
        and parts.scheme in {"redis", "rediss"}
        and parts.hostname
        and re.fullmatch(r"/?[0-9]*", parts.path)
    ):
        return []
    return ["REDIS_URL must name a Redis server, such as redis://host:6379/0."]


def smtp_url_problems(url: str) -> list[str]:
    """Want a form of which every word is understood: a misread one would send passwords in the
    clear.
    """
    parts = _split(url)
    if _is_misread(url):
        return [_must_be_encoded("SMTP_URL")]
    if (
        parts
        and parts.scheme in {"smtp", "submission"}
        and parts.hostname
        and [*parse_qs(parts.query)] in ([], ["tls"], ["ssl"])
    ):
        return []
    return [
        (
            "MAIL_PROVIDER=smtp needs SMTP_URL, such as "
            "smtp://user:password@mail.example.org:587/?tls=True, or ?ssl=True on port 465."
        )
    ]


def provider_problems(name: str) -> list[str]:
    """Want a way out that exists: an edition would be compiled, planned and claimed before a
    wrong name is noticed.
    """
    if name in {"file", "smtp"}:
        return []
    known = (
        re.fullmatch(r"[a-z_]+", name)
        and name not in NO_WAY_OUT
        and find_spec(f"anymail.backends.{name}")
    )
    return (
        []
        if known
        else [
            (
                "MAIL_PROVIDER must be file, smtp or the name of an Anymail backend such as "
                "postmark, "
                "mailgun or resend."
            )
        ]
    )


def anymail_settings(variables: Mapping[str, str], problems: list[str]) -> dict[str, Any]:
    """Collect every `ANYMAIL_*` variable, so that each provider's own setting names work unchanged.

    Switches are true or false, and settings that are dictionaries are JSON objects. An empty value
    is none, or a provider would be given an empty key. No problem repeats a value.
    """
    found: dict[str, Any] = {}
    for name, value in variables.items():
        if name.startswith("ANYMAIL_") and value:
            try:
                structured = value in {"true", "false"} or value.startswith("{")
                found[name.removeprefix("ANYMAIL_")] = json.loads(value) if structured else value
            except ValueError:
                problems.append(f"{name} begins like a JSON object and is none.")
    return found


def address_problems(variable: str, text: str, *, named: bool) -> list[str]:
    """Want one plain address; where `named`, a name may stand before it, in quotation marks if
    it holds a comma.
    """
    found = getaddresses([text])
    plain = len(found) == 1 and _ADDRESS.fullmatch(found[0][1]) and text.isprintable()
    if plain and (named or found[0][1] == text):
        return []
    example = "Paperboy <daily@paperboy.example.org>" if named else "operator@example.org"
    return [f"{variable} must be one plain mail address without accents, such as {example}."]


def line_problems(variable: str, text: str) -> list[str]:
    """Want one line of printable text, since it becomes part of a header."""
    return (
        []
        if text.strip() and text.isprintable()
        else [f"{variable} must be one line of printable text."]
    )


def key_problems(key: str, fallbacks: Iterable[str]) -> list[str]:
    """Want keys that nobody guesses: whoever knows one, an old one too, can sign links for any
    reader.
    """
    problems = []
    if not _random(key):
        problems.append(
            f"SECRET_KEY must be set to a random text of {SHORTEST_KEY} characters or more in "
            "production."
        )
    if not all(map(_random, fallbacks)):
        problems.append(
            f"SECRET_KEY_FALLBACKS must be keys of {SHORTEST_KEY} characters or more, parted by "
            "commas."
        )
    return problems


def suppression_key_problems(keys: Iterable[str]) -> list[str]:
    """Want keys that nobody guesses: whoever has one and the hashes can try addresses."""
    if all(not key or _random(key) for key in keys):
        return []
    return [
        (
            "SUPPRESSION_KEY and SUPPRESSION_KEY_FALLBACKS must be random texts of "
            f"{SHORTEST_KEY} characters or more."
        )
    ]


def admin_path_problems(path: str) -> list[str]:
    """Want one part of an address, and none that a page of ours has."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", path) and path.lower() not in TAKEN_PATHS:
        return []
    return [
        (
            "ADMIN_PATH must be one word of letters, digits and hyphens that no page of the "
            "site has, "
            "such as desk."
        )
    ]


def pairs(variable: str, entries: Iterable[str], problems: list[str]) -> dict[str, str]:
    """Read `name=value` entries, and note among the problems those that are none."""
    wrong = [entry for entry in entries if "=" not in entry]
    problems.extend(
        f"{variable} must be pairs name=value, parted by commas; this is none: {entry}."
        for entry in wrong
    )
    return {
        name.strip(): value.strip()
        for name, equals, value in (entry.partition("=") for entry in entries)
        if equals
    }


def rates(variable: str, entries: Iterable[str], problems: list[str]) -> dict[str, float]:
    """Read `domain=mails a second` entries. Names of domains mean the same in capitals, and
    readers' are kept in small letters.
    """
    found = pairs(variable, entries, problems)
    wrong = [
        f"{name}={value}"
        for name, value in found.items()
        if not (re.fullmatch(r"[0-9]+(\.[0-9]+)?", value) and float(value))
    ]
    problems.extend(
        f"{variable} must give mails per second, more than none; this does not: {entry}."
        for entry in wrong
    )
    return {} if wrong else {name.lower(): float(value) for name, value in found.items()}


def keys(entries: Iterable[str], huggingface: str, problems: list[str]) -> dict[str, str]:
    """Read the keys of sources, `name=key` each, and Hugging Face's own variable, which goes
    first. No problem repeats a key.
    """
    found = {
        name.strip(): key.strip()
        for name, _equals, key in (entry.partition("=") for entry in entries)
    }
    if not all(name and re.fullmatch(r"[!-~]+", key) for name, key in found.items()):
        problems.append(
            "SOURCE_KEYS must be pairs name=key, parted by commas, each key one word, as it goes "
            "into a header."
        )
    if not re.fullmatch(r"[!-~]*", huggingface):
        problems.append("HUGGINGFACE_TOKEN must be one word, as it goes into a header.")
    return found | ({"huggingface": huggingface} if huggingface else {})


def source_problems(
    names: Iterable[str], times: Mapping[str, str], known: Iterable[str], feeds: Iterable[str]
) -> list[str]:
    """Want sources that exist: one unknown name would keep all others from being asked."""
    known, feeds = set(known), set(feeds)
    choice = ", ".join(sorted(known))
    problems = [
        f"ENABLED_SOURCES may name {choice}; there is no source {name}."
        for name in names
        if name not in known
    ]
    others = [name for name in times if name not in known | feeds | {"feed"}]
    problems += [
        f"SOURCE_TIMES may name {choice}, feed or one of FEEDS; there is no source {name}."
        for name in others
    ]
    return problems


def is_https(url: str) -> bool:
    """Tell whether a text is an https address that names a host."""
    parts = _split(url)
    return parts is not None and parts.scheme == "https" and bool(parts.hostname)


def _random(key: str) -> bool:
    return len(key) >= SHORTEST_KEY and len(set(key)) >= FEWEST_LETTERS


def _is_misread(url: str) -> bool:
    """Say whether the user name or password holds a character that ends it too early: the host,
    the port and the path would then be parts of the password.

    In a URL, `/`, `?` and `#` end the part with the password (RFC 3986 section 3.2), so an `@` that
    comes after them shows that they were meant as characters of it.
    """
    authority, *behind = re.split("[/?#]", url.partition("://")[2], maxsplit=1)
    credentials = authority.rpartition("@")[0]
    return (
        "@" in "".join(behind)
        or "#" in url
        or bool(re.search(r"[][\t\r\n]|%(?![0-9A-Fa-f]{2})", credentials))
    )


def _must_be_encoded(variable: str) -> str:
    return (
        f"{variable} is not read as you mean it: in its user name and password, write @ as %40, "
        "/ as %2F, # as %23, ? as %3F, : as %3A and % as %25 (percent-encoding). To encode a "
        "password: python3 -c 'import urllib.parse; "
        'print(urllib.parse.quote(input(), safe=""))\'.'
    )


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    return parts if port != 0 and url.isprintable() and " " not in url else None


def _without_port(parts: SplitResult) -> str:
    """Return the host as written, or with the user's name before it, which no host matches."""
    return parts.netloc.removesuffix(f":{parts.port}") if parts.port else parts.netloc
