"""What other parts may listen to. Receivers get `subscriber_id` (int) and `at` (the instant it
happened).
"""

from django.dispatch import Signal

subscriber_confirmed = Signal()
"""A reader confirmed, for the first time or after leaving.

Sent inside the transaction that makes them active, so that rows a receiver writes exist exactly
when the reader is active. A receiver writes rows and leaves everything else to
`transaction.on_commit`; one that raises undoes the confirmation, and the reader can press the
button again.
"""

subscriber_left = Signal()
"""A reader left. Sent after the commit, and a receiver that fails is logged and ignored: nothing
may stand in the way of leaving.

Nobody has to listen for the reader's sake, because sending asks for the state again at the moment
of sending.
"""
