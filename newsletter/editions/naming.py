"""The name by which commands and people call an edition: daily/2025-01-10, or its number."""

from datetime import date

from django.db.models import Q

from newsletter.models import Edition


class UnknownEdition(LookupError):
    """No edition has this name; the message says which name was meant and how one looks."""


def find_edition(name: str) -> Edition:
    """Return the edition that is called `name`.

    Raises:
        UnknownEdition: there is none.
    """
    cadence, _, day = name.partition("/")
    try:
        wanted = Q(cadence=cadence, day=date.fromisoformat(day)) if day else Q(pk=int(cadence))
        return Edition.objects.defer("statistics").get(wanted)
    except (ValueError, Edition.DoesNotExist) as error:
        raise UnknownEdition(
            f"There is no edition “{name}”. Name one like daily/2025-01-10, or by its number."
        ) from error
