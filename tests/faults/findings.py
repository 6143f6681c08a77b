"""Findings: what an experiment shows."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Findings:
    """What an experiment shows. Lost: due, never accepted, and not accounted for to staff.
    Wrong: mail to who had gone before.
    """

    due: int
    lost: int
    duplicate: int
    uncertain: int
    failed: int
    late: int
    wrong: int
    recovery: float
    operator_actions: int
    balanced: bool

    @property
    def passed(self) -> bool:
        return (
            self.lost == self.duplicate == self.wrong == self.operator_actions == 0
            and self.balanced
        )
