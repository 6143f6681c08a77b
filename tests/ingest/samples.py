"""What upstreams answer, built for tests: arXiv's feed and OAI-PMH interface, and feeds of
others.
"""

from collections.abc import Iterable
from html import escape
from typing import Any

ATOM = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" '
    'xmlns:arxiv="http://arxiv.org/schemas/atom"'
    ' xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xml:lang="en-us"><id>http://rss.arxiv.org/atom/cs.AI</id>'
)


def arxiv_entry(
    number: str = "2501.00001",
    *,
    kind: str = "new",
    day: str = "2025-01-09",
    version: int = 1,
    **fields: Any,
) -> str:
    title = escape(fields.get("title", f"A Paper Called {number} of Some Length"))
    abstract = escape(fields.get("abstract", "It says what it found."))
    authors = escape(fields.get("authors", "Ada Example, Bo Sample"))
    categories = "".join(
        f'<category term="{term}"/>' for term in fields.get("categories", ("cs.AI", "cs.LG"))
    )
    return (
        f"<entry><id>oai:arXiv.org:{number}v{version}</id><title>{title}</title>"
        f'<link href="https://arxiv.org/abs/{number}" rel="alternate"/>'
        f"<summary>arXiv:{number}v{version} Announce Type: {kind} \nAbstract: "
        f"{abstract}</summary>{categories}"
        f"<published>{day}T00:00:00-05:00</published><arxiv:announce_type>{kind}</arxiv:announce_type>"
        f"<dc:creator>{authors}</dc:creator></entry>"
    )


def arxiv_feed(*entries: str, title: str = "cs.AI updates on arXiv.org") -> bytes:
    return f"{ATOM}<title>{title}</title><updated>2025-01-09T05:00:00Z</updated>{''.join(entries)}</feed>".encode()


def arxiv_rss(number: str = "2501.00001", kind: str = "new") -> bytes:
    return f"""<?xml version='1.0' encoding='UTF-8'?>
<rss xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>
<title>cs.AI updates on arXiv.org</title><link>http://rss.arxiv.org/rss/cs.AI</link><description>updates</description>
<pubDate>Thu, 09 Jan 2025 00:00:00 -0500</pubDate><skipDays><day>Sunday</day><day>Saturday</day></skipDays>
<item><title>A Paper Called {number} of Some Length</title><link>https://arxiv.org/abs/{number}</link>
<description>arXiv:{number}v1 Announce Type: {kind} \nAbstract: It says what it found.</description>
<guid isPermaLink="false">oai:arXiv.org:{number}v1</guid><category>cs.AI</category><category>cs.LG</category>
<pubDate>Thu, 09 Jan 2025 00:00:00 -0500</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>
<dc:creator>Ada Example, Bo Sample</dc:creator></item></channel></rss>""".encode()


def oai_record(
    number: str = "2501.00001",
    *,
    stamp: str = "2025-01-09",
    created: str = "2025-01-08",
    **fields: Any,
) -> str:
    if fields.get("deleted"):
        return (
            f'<record><header status="deleted"><identifier>oai:arXiv.org:{number}</identifier>'
            f"<datestamp>{stamp}</datestamp></header></record>"
        )
    updated = f"<updated>{fields['updated']}</updated>" if "updated" in fields else ""
    optional = "".join(
        f"<{name}>{escape(fields[name])}</{name}>" for name in ("comments", "doi") if name in fields
    )
    people = "".join(
        f"<author><keyname>{escape(last)}</keyname><forenames>{escape(first)}</forenames></author>"
        for first, last in fields.get("authors", (("Ada", "Example"), ("Bo", "Sample")))
    )
    return (
        f"<record><header><identifier>oai:arXiv.org:{number}</identifier><datestamp>{stamp}</datestamp>"
        '<setSpec>cs:cs:AI</setSpec></header><metadata><arXiv xmlns="http://arxiv.org/OAI/arXiv/">'
        f"<id>{number}</id><created>{created}</created>{updated}<authors>{people}</authors>"
        f"<title>{escape(fields.get('title', f'A Paper Called {number} of Some Length'))}</title>"
        f"<categories>{fields.get('categories', 'cs.AI cs.LG')}</categories>{optional}"
        f"<abstract>{escape(fields.get('abstract', '  It says what it found. '))}</abstract></arXiv></metadata></record>"
    )


def oai(
    *records: str,
    token: str | None = None,
    error: tuple[str, str] | None = None,
    verb: str = "ListRecords",
) -> bytes:
    told = f"<resumptionToken>{token}</resumptionToken>" if token is not None else ""
    content = (
        f'<error code="{error[0]}">{error[1]}</error>'
        if error
        else f"<{verb}>{''.join(records)}{told}</{verb}>"
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH '
        'xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<responseDate>2025-01-09T05:00:00Z</responseDate><request>http://oaipmh.arxiv.org/oai</request>{content}</OAI-PMH>"
    ).encode()


def rss_item(
    title: str = "A Journal Article of Some Length",
    *,
    link: str = "https://example.org/a",
    **fields: str,
) -> str:
    extra = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
    return f"<item><title>{escape(title)}</title><link>{link}</link>{extra}</item>"


def rss(*items: str) -> bytes:
    return (
        '<?xml version="1.0"?><rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:prism="http://prismstandard.org/namespaces/basic/2.0/"><channel><title>A '
        "Journal</title>"
        f"<link>https://example.org/</link><description>Articles</description>{''.join(items)}</channel></rss>"
    ).encode()


def journal(titles: Iterable[str]) -> bytes:
    """A feed of the given titles, published on 9 January 2025."""
    return rss(*(rss_item(title, pubDate="Thu, 09 Jan 2025 08:00:00 GMT") for title in titles))
