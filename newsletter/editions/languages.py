"""Languages: which ones an edition is compiled in."""

from django.conf import settings

from subscriptions.models import Subscriber, SubscriberState


def languages_of_readers() -> list[str]:
    """Return the languages that active readers want and that there is copy in, after the one
    that everybody else gets.
    """
    wanted = (
        Subscriber.objects.filter(state=SubscriberState.ACTIVE)
        .order_by()  # with the usual order, each reader would be a row of the answer
        .values_list("language", flat=True)
        .distinct()
    )
    own = settings.LANGUAGE_CODE
    return [own, *sorted({*wanted} & {code for code, _name in settings.LANGUAGES} - {own})]
