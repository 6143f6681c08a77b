"""The press shows what was picked, and takes no pick for another."""

from newsletter.ranking.values import Parts, Pick, Reason
from newsletter.sending import press

PARTS = Parts(1, 0, 0, 0, 0)
REASONS = (Reason("trend", "41 votes"),)


def a_pick(paper_id: int, reasons: tuple[Reason, ...] = REASONS) -> Pick:
    return Pick(paper_id, PARTS, reasons, "also", None)


def test_an_id_is_known_no_longer_than_its_pick_whatever_other_threads_do(monkeypatch):
    monkeypatch.setattr(press, "PICKS_KEPT", 2)
    voice = press._Voice(1, "en")
    others = [a_pick(number) for number in (1, 2, 3)]

    class Meanwhile(str):
        """Lets another thread have its turn in the middle of getting to know a pick."""

        __slots__ = ()

        def __hash__(self) -> int:
            assert [shown.paper_id for shown in voice.shown(others)] == [1, 2, 3]
            return str.__hash__(self)

    pick = a_pick(4, (Reason("trend", Meanwhile("many votes")),))
    assert voice.shown([pick])[0].paper_id == 4
    gone = id(pick)
    del pick
    later = [a_pick(number) for number in range(5, 500)]
    later.sort(
        key=lambda pick: id(pick) != gone
    )  # first the one, if any, that has taken the room of the one that is gone
    for pick in later:
        assert voice.shown([pick])[0].paper_id == pick.paper_id
