"""A restored backup or a copied database stays silent until a person arms it on that machine."""

import os
import shutil
import socket
import sys
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import call_command

from subscriptions import arming, letters
from subscriptions.arming import arm, is_armed
from subscriptions.models import Letter, LetterKind, LetterState, Machine
from tests.newsletter.world import a_reader

NOW = datetime(2026, 1, 14, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def own_file(settings, tmp_path):
    settings.MACHINE_FILE = tmp_path / "machine"
    return settings.MACHINE_FILE


def test_the_first_machine_of_an_empty_database_is_armed_by_itself():
    assert is_armed(NOW)
    assert Machine.objects.get().armed_at == NOW


def test_a_machine_stays_armed_while_its_counter_rises():
    counters = set()
    for minutes in range(5):
        assert is_armed(NOW + timedelta(minutes=minutes))
        counters.add(Machine.objects.get().renewals)
    assert counters == {1, 2, 3, 4, 5}


def test_a_database_restored_on_the_same_machine_is_silent():
    is_armed(NOW)
    backup = Machine.objects.get()
    for minutes in range(1, 4):
        assert is_armed(NOW + timedelta(minutes=minutes))
    backup.save()
    assert not is_armed(LATER)
    assert Machine.objects.get().armed_at is None


def test_a_backup_that_is_older_than_one_renewal_is_silent():
    is_armed(NOW)
    backup = Machine.objects.get()
    assert is_armed(NOW + timedelta(seconds=61))
    backup.save()
    assert not is_armed(NOW + timedelta(seconds=62))


def test_a_database_copied_to_another_machine_is_silent(own_file, settings):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("other")
    assert not is_armed(LATER)
    assert not is_armed(LATER + timedelta(hours=1))
    settings.MACHINE_FILE = own_file
    assert is_armed(LATER)


def test_a_folder_copied_with_its_database_is_silent(own_file, settings):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("copy")
    shutil.copy2(own_file, settings.MACHINE_FILE)
    assert not is_armed(LATER)
    assert not is_armed(LATER + timedelta(hours=1))
    arm(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def test_a_folder_moved_on_its_disk_stays_armed(own_file, settings):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.rename(own_file.with_name("moved"))
    assert is_armed(LATER)


def test_a_lost_file_silences_the_machine(own_file):
    is_armed(NOW)
    own_file.unlink()
    assert not is_armed(LATER)


def test_arming_lets_it_send():
    is_armed(NOW)
    is_armed(LATER - timedelta(minutes=2))
    Machine.objects.update(renewals=1, renewed_at=NOW)
    assert not is_armed(LATER)
    arm(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def test_the_command_arms_and_may_silence_the_others(own_file, settings, capsys):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("other")
    call_command("arm", "--alone")
    assert "may send mail" in capsys.readouterr().out
    assert is_armed(datetime.now(UTC))
    settings.MACHINE_FILE = own_file
    assert not is_armed(LATER)


class Crash(Exception):
    """The process ended here."""


def ends_at_line(number: int, at: datetime) -> bool:
    """Let the process end before that line of `is_armed`; False when it has fewer lines."""
    lines = iter(range(number))

    def trace(frame, event, _argument):
        code = frame.f_code
        # The kernel closes the files of a process that ends; here nothing else would.
        if code.co_filename != arming.__file__ or code.co_name == "_open_file":
            return None
        if event == "line" and next(lines, None) is None:
            raise Crash
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        is_armed(at)
    except Crash:
        return True
    finally:
        sys.settrace(before)
    return False


def test_a_crash_at_any_instant_of_a_renewal_silences_nobody():
    is_armed(NOW)
    line, at = 0, LATER
    while ends_at_line(line, at):
        assert is_armed(at)
        assert is_armed(at + timedelta(minutes=2))
        line, at = line + 1, at + timedelta(minutes=4)
    assert line > 20


def test_a_crash_at_any_instant_of_the_first_arming_silences_nobody(own_file):
    line = 0
    while ends_at_line(line, NOW):
        assert is_armed(NOW)
        Machine.objects.all().delete()
        own_file.unlink()
        line += 1
    assert line > 20


def test_a_machine_that_cannot_write_its_file_stays_armed(monkeypatch):
    """A read-only or broken disk: the row may then be ahead for long, but only by one."""
    is_armed(NOW)
    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", _failing)
        for minutes in range(2, 9, 2):
            with pytest.raises(OSError, match="broken"):
                is_armed(NOW + timedelta(minutes=minutes))
    assert is_armed(NOW + timedelta(minutes=10))


def _failing(*_arguments):
    raise OSError("the disk is broken")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"0" * 200, b"a b c\n", b"z" * 32 + b" 1 1\n"]
)
def test_a_file_that_cannot_be_read_silences_until_a_person_arms(own_file, content):
    is_armed(NOW)
    own_file.write_bytes(content)
    assert not is_armed(LATER)
    assert Machine.objects.filter(armed_at=None).count() == 1
    arm(LATER)
    assert is_armed(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def test_a_file_of_an_earlier_day_beside_a_living_database_is_silent(own_file):
    is_armed(NOW)
    backup = own_file.read_bytes()
    for minutes in range(1, 4):
        is_armed(NOW + timedelta(minutes=minutes))
    own_file.write_bytes(backup)
    assert not is_armed(LATER)


def test_a_copied_file_beside_the_same_database_leaves_the_original_armed(own_file, settings):
    """A second machine made from a copy of the first one's disk asks for itself."""
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("copy")
    shutil.copy2(own_file, settings.MACHINE_FILE)
    assert not is_armed(LATER)
    settings.MACHINE_FILE = own_file
    assert is_armed(LATER)
    assert Machine.objects.count() == 2


def test_a_container_that_is_made_anew_stays_armed(monkeypatch):
    """Its host name is new, and its volume is the same."""
    is_armed(NOW)
    monkeypatch.setattr(socket, "gethostname", lambda: "a-new-container")
    assert is_armed(LATER)
    assert Machine.objects.get().name == "a-new-container"


def test_a_process_stopped_while_renewing_does_not_stop_the_others():
    is_armed(NOW)
    with arming._open_file() as file:
        assert arming._lock(file)
        assert is_armed(LATER)
    assert is_armed(LATER)


def test_a_process_stopped_while_renewing_does_not_stop_a_person():
    is_armed(NOW)
    Machine.objects.update(armed_at=None)
    with arming._open_file() as file:
        assert arming._lock(file)
        arm(LATER)
        assert is_armed(LATER)


def test_a_silent_machine_sends_no_letter(own_file):
    is_armed(NOW)
    letter = Letter.objects.create(
        subscriber=a_reader(), kind=LetterKind.PREFERENCES, created_at=NOW, send_after=NOW
    )
    own_file.unlink()
    assert not letters.send(letter.pk, lambda: LATER)
    assert Letter.objects.get().state == LetterState.WAITING
