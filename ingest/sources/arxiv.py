"""What all of arXiv's interfaces share: its hosts, its categories, and how it says that a paper
was withdrawn. Pure.
"""

import re

from ingest.sources.protocol import BadOptions, Options

ARXIV_HOSTS = frozenset({"arxiv.org", "export.arxiv.org", "rss.arxiv.org", "oaipmh.arxiv.org"})
DEFAULT_CATEGORIES = ("cs.AI", "cs.CL", "cs.CV", "cs.LG", "stat.ML")
_CATEGORY = re.compile(
    r"[a-z]{2,10}(?:-[a-z]{2,10})?(?:\.(?:[A-Z]{2}|[a-z]{2,10}(?:-[a-z]{2,10})?))?"
)
_PHYSICS = frozenset(
    {
        "astro-ph",
        "cond-mat",
        "gr-qc",
        "hep-ex",
        "hep-lat",
        "hep-ph",
        "hep-th",
        "math-ph",
        "nlin",
        "nucl-ex",
        "nucl-th",
        "physics",
        "quant-ph",
    }
)
_WITHDRAWN = re.compile(
    r"\W*(?:(?:this|the)\s+(?:paper|article|submission|manuscript|preprint|work)\s+(?:has\s+been|is|was)\s+(?:withdrawn|removed|retracted)"
    r"|(?:paper\s+)?withdrawn\b)",
    re.IGNORECASE,
)


def categories(options: Options) -> list[str]:
    """Return the categories a source is asked for, each an arXiv category or archive such as cs.LG
    or hep-th.

    Raises:
        BadOptions: one of them is none.
    """
    given = options.get("categories") or DEFAULT_CATEGORIES
    if not isinstance(given, (list, tuple)):
        raise BadOptions("“categories” must be a list, such as [“cs.AI”, “cs.LG”].")
    for category in given:
        if not isinstance(category, str) or not _CATEGORY.fullmatch(category):
            raise BadOptions(f"“{category}” in “categories” is no arXiv category, such as cs.LG.")
    return list(dict.fromkeys(given))


def set_of(category: str) -> str:
    """Return the OAI-PMH set of a category: `group:archive:CATEGORY`, where a group of one
    archive has its name.
    """
    archive, _, part = category.partition(".")
    group = "physics" if archive in _PHYSICS else archive
    whole_group = group == archive and not part and group != "physics"
    return group if whole_group else ":".join(filter(None, (group, archive, part)))


def is_category(term: str) -> bool:
    """Tell whether a term is an arXiv category; feeds also carry classes of the ACM and MSC."""
    return bool(_CATEGORY.fullmatch(term))


def says_withdrawn(*texts: str) -> bool:
    """Tell whether a comment or an abstract begins by saying that the paper was withdrawn; arXiv
    has no field for it.
    """
    return any(_WITHDRAWN.match(text) for text in texts)
