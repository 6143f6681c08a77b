"""A form field for a list of short texts, one a line."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminTextareaWidget

from subscriptions.wording import clean_line


class LinesField(forms.CharField):
    """Reads and shows a list as lines: cleaned, each once, empty ones left out."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            required=False, widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}), **options
        )

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        lines = (clean_line(line) for line in (super().to_python(value) or "").splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))
