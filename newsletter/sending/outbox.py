"""The file outbox: the default way out, which writes every mail as an .eml file and needs no
provider.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend


class EmailBackend(BaseEmailBackend):
    """Write each message to the outbox folder, whole or not at all.

    A file is named after the Message-ID. A second mail with the same Message-ID gets a name of its
    own, since overwriting the first would hide exactly the fault that the books are there to find.
    """

    def __init__(self, *args: Any, folder: Path | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.folder = folder or settings.OUTBOX_DIR

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        """Write the messages and return how many; an `OSError` of the disk is the caller's to
        handle.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        for message in email_messages:
            self._write(message)
        return len(email_messages)

    def _write(self, message: EmailMessage) -> None:
        mime = message.message()
        content = mime.as_bytes(linesep="\r\n")
        stem = hashlib.sha256(str(mime["Message-ID"]).encode()).hexdigest()[:24]
        draft = self.folder / f".{stem}.{os.getpid()}.part"
        try:
            draft.write_bytes(content)
            self._publish(draft, stem)
        finally:
            draft.unlink(missing_ok=True)

    def _publish(self, draft: Path, stem: str) -> None:
        """Give the finished draft its name by a hard link, which fails rather than overwrites."""
        copy = 1
        while True:
            name = f"{stem}.eml" if copy == 1 else f"{stem}.{copy}.eml"
            try:
                os.link(draft, self.folder / name)
            except FileExistsError:
                copy += 1
            else:
                return
