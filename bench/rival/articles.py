"""A digest of ours, cut into what django-newsletter puts together again."""

import lxml.html


def articles(document: str) -> list[dict[str, str]]:
    """Return a digest's HTML as articles, one per paper: title, url and text, which is the paper's
    rows as a table.

    What stands before the first paper is left to django-newsletter's own template; what follows the
    last one goes with it.
    """
    found: list[dict[str, str]] = []
    for row in lxml.html.fromstring(document).cssselect("table.sheet > tr"):
        found += [
            {
                "title": "".join(map(str, link.itertext())),
                "url": str(link.attrib["href"]),
                "text": "",
            }
            for link in row.cssselect("h2 > a, h3 > a")
        ]
        if found:
            found[-1]["text"] += str(lxml.html.tostring(row, encoding="unicode"))
    return [article | {"text": f"<table>{article['text']}</table>"} for article in found]
