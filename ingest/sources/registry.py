"""The kinds of sources that are asked over the network, by the name that a Source row carries.
Pure.
"""

from ingest.sources.arxiv_feed import CategoryFeed
from ingest.sources.arxiv_oai import Harvest, OnePaper
from ingest.sources.feed import AnyFeed
from ingest.sources.huggingface import DailyPapers
from ingest.sources.protocol import SourceKind

KINDS: dict[str, SourceKind] = {
    "huggingface": DailyPapers(),
    "arxiv": CategoryFeed(),
    "arxiv-oai": Harvest(),
    "arxiv-paper": OnePaper(),
    "feed": AnyFeed(),
}
