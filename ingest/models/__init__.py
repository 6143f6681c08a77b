"""What the sources said: Source, Run, Fetch, Rejection, Paper, Merge, Listing, Count; and
HostPace, when a host may be asked.
"""

from ingest.models.fetch import Fetch, FetchBody, FetchStatus, Rejection
from ingest.models.listing import Count, Listing
from ingest.models.merge import Merge, Suggestion
from ingest.models.pace import HostPace
from ingest.models.paper import FormerTitle, Paper
from ingest.models.run import Run, RunState
from ingest.models.source import Source

__all__ = [
    "Count",
    "Fetch",
    "FetchBody",
    "FetchStatus",
    "FormerTitle",
    "HostPace",
    "Listing",
    "Merge",
    "Paper",
    "Rejection",
    "Run",
    "RunState",
    "Source",
    "Suggestion",
]
