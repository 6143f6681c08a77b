"""Working days of the upstreams, which all keep the calendar of the United States. Pure."""

from datetime import date, timedelta

_FIXED = {(1, 1), (6, 19), (7, 4), (11, 11), (12, 24), (12, 25), (12, 31)}
_MONDAY, _THURSDAY = 0, 3


def is_working_day(day: date) -> bool:
    """Tell whether something new is to be expected on a day: Monday to Friday, outside the
    holidays.

    Holidays are the federal ones, the days around Christmas and the Friday after Thanksgiving; one
    on a weekend is kept on the nearest weekday (5 U.S.C. 6103). A source may still work on one:
    this only says when nothing new is no cause for worry.
    """
    return day.weekday() < 5 and not _is_holiday(day)


def _is_holiday(day: date) -> bool:
    kept_for = [day]
    if day.weekday() == 4:
        kept_for.append(day + timedelta(days=1))
    if day.weekday() == _MONDAY:
        kept_for.append(day - timedelta(days=1))
    return any((each.month, each.day) in _FIXED for each in kept_for) or _is_moving_holiday(day)


def _is_moving_holiday(day: date) -> bool:
    nth, is_last = (day.day + 6) // 7, (day + timedelta(days=7)).month != day.month
    monday = day.weekday() == _MONDAY and (
        (day.month, nth) in {(1, 3), (2, 3), (9, 1), (10, 2)} or (day.month == 5 and is_last)
    )
    day_before = day - timedelta(days=1)
    thanksgiving = any(
        each.month == 11 and each.weekday() == _THURSDAY and (each.day + 6) // 7 == 4
        for each in (day, day_before)
    )
    return monday or thanksgiving
