"""A restored backup or a copied database stays silent until a person arms it on that machine."""

import shutil
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path

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
    settings.MACHINE_FILE = tmp_path / "machine.json"
    return settings.MACHINE_FILE


def test_the_first_machine_of_an_empty_database_is_armed_by_itself():
    assert is_armed(NOW)
    assert Machine.objects.get().armed_at == NOW


def test_a_machine_stays_armed_while_its_token_changes():
    tokens = set()
    for minutes in range(5):
        assert is_armed(NOW + timedelta(minutes=minutes))
        tokens.add(Machine.objects.get().token)
    assert len(tokens) == 5


def test_a_database_restored_on_the_same_machine_is_silent():
    is_armed(NOW)
    backup = Machine.objects.get()
    for minutes in range(1, 4):
        assert is_armed(NOW + timedelta(minutes=minutes))
    Machine.objects.filter(pk=backup.pk).update(token=backup.token, renewed_at=backup.renewed_at)
    assert not is_armed(LATER)
    assert Machine.objects.get().armed_at is None


def test_a_backup_that_is_older_than_one_renewal_is_silent():
    is_armed(NOW)
    backup = Machine.objects.get()
    assert is_armed(NOW + timedelta(seconds=61))
    Machine.objects.filter(pk=backup.pk).update(token=backup.token, renewed_at=backup.renewed_at)
    assert not is_armed(NOW + timedelta(seconds=62))


def test_a_database_copied_to_another_machine_is_silent(own_file, settings):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("other.json")
    assert not is_armed(LATER)
    assert not is_armed(LATER + timedelta(hours=1))
    settings.MACHINE_FILE = own_file
    assert is_armed(LATER)


def test_a_folder_copied_with_its_database_is_silent(own_file, settings):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("copy.json")
    shutil.copy2(own_file, settings.MACHINE_FILE)
    assert not is_armed(LATER)
    assert not is_armed(LATER + timedelta(hours=1))
    arm(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def test_a_folder_moved_on_its_disk_stays_armed(own_file, settings):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.rename(own_file.with_name("moved.json"))
    assert is_armed(LATER)


def test_a_file_system_that_numbers_files_anew_silences_nobody(monkeypatch, own_file):
    monkeypatch.setattr(arming, "_inode", lambda file: zlib.crc32(file.name.encode()))
    for minutes in range(3):
        assert is_armed(NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("renamings", range(4))
def test_a_process_that_dies_on_such_a_file_system_silences_nobody(monkeypatch, renamings):
    monkeypatch.setattr(arming, "_inode", lambda file: zlib.crc32(file.name.encode()))
    is_armed(NOW)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", _breaking_at(renamings, Path.replace))
        with pytest.raises(ZeroDivisionError):
            is_armed(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def test_a_lost_file_silences_the_machine(own_file):
    is_armed(NOW)
    own_file.unlink()
    assert not is_armed(LATER)


def test_arming_lets_it_send():
    is_armed(NOW)
    Machine.objects.update(token="of a backup", renewed_at=NOW)
    assert not is_armed(LATER)
    arm(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def test_the_command_arms_and_may_silence_the_others(own_file, settings, capsys):
    is_armed(NOW)
    settings.MACHINE_FILE = own_file.with_name("other.json")
    call_command("arm", "--alone")
    assert "may send mail" in capsys.readouterr().out
    assert is_armed(datetime.now(UTC))
    settings.MACHINE_FILE = own_file
    assert not is_armed(LATER)


@pytest.mark.parametrize("crash", ["before the row", "before the file"])
def test_a_crash_between_file_and_row_silences_nobody(monkeypatch, crash):
    is_armed(NOW)
    with monkeypatch.context() as patch:
        if crash == "before the row":
            patch.setattr(
                arming.Machine.objects, "filter", _breaking_at(2, arming.Machine.objects.filter)
            )
        else:
            patch.setattr(arming, "_write", _breaking_at(0, arming._write))
        with pytest.raises(ZeroDivisionError):
            is_armed(LATER)
    assert is_armed(LATER + timedelta(minutes=2))


def _breaking_at(number: int, work):
    calls = []

    def breaking(*args, **kwargs):
        calls.append(args)
        if len(calls) > number:
            raise ZeroDivisionError
        return work(*args, **kwargs)

    return breaking


def test_a_process_stopped_while_renewing_does_not_stop_the_others(own_file):
    is_armed(NOW)
    with arming._the_only_one() as alone:
        assert alone
        assert is_armed(LATER)
    assert is_armed(LATER)


def test_a_silent_machine_sends_no_letter(own_file):
    is_armed(NOW)
    letter = Letter.objects.create(
        subscriber=a_reader(), kind=LetterKind.PREFERENCES, created_at=NOW, send_after=NOW
    )
    own_file.unlink()
    assert not letters.send(letter.pk, lambda: LATER)
    assert Letter.objects.get().state == LetterState.WAITING
