"""The compose file, the image and the example environment fit the settings; no engine runs here,
so their structure is checked.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from newsletter.healthcheck import CHECKS

ROOT = Path(__file__).resolve().parent.parent
OURS = ["web", "worker", "scheduler", "migrate"]
SERVICES = [*OURS, "database", "broker", "mail"]


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.fixture(scope="module")
def settings_variables():
    source = (ROOT / "newsletter" / "settings.py").read_text()
    return set(re.findall(r'_env\.\w+\(\s*"([A-Z_]+)"', source))


def example_variables():
    return set(re.findall(r"^#?([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))


def test_compose_has_every_service_of_the_design(compose):
    assert set(compose["services"]) == set(SERVICES)


@pytest.mark.parametrize("name", SERVICES)
def test_every_long_running_service_has_a_healthcheck(compose, name):
    check = compose["services"][name]["healthcheck"]
    assert (
        check == {"disable": True}
        if name == "migrate"
        else check["test"][0] in {"CMD", "CMD-SHELL"}
    )


@pytest.mark.parametrize("name", ["web", "worker", "scheduler"])
def test_a_healthcheck_of_ours_starts_no_django(compose, name):
    assert compose["services"][name]["healthcheck"]["test"] == [
        *("CMD", "python", "-m", "newsletter.healthcheck", name)
    ]
    assert name in CHECKS


def test_the_step_that_lets_another_machine_send_is_named():
    for place in ("docker-compose.yml", "README.md", "docs/sending.md"):
        assert "manage.py arm" in (ROOT / place).read_text(), place


def test_every_variable_that_compose_gives_us_is_read_by_settings(compose, settings_variables):
    read_by_postgresql = {"PGPASSWORD"}
    for name in OURS:
        given = set(compose["services"][name]["environment"]) - read_by_postgresql
        assert given <= settings_variables, given - settings_variables


def test_the_password_of_the_database_needs_no_encoding(compose):
    """In an address `@`, `/` and `#` would be read as its parts."""
    for name in OURS:
        environment = compose["services"][name]["environment"]
        assert "PASSWORD" not in environment["DATABASE_URL"]
        assert environment["PGPASSWORD"].startswith("${POSTGRES_PASSWORD:?")


def test_every_variable_that_compose_asks_for_is_explained(compose):
    asked = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert asked <= example_variables(), asked - example_variables()


def test_the_example_environment_names_all_settings_and_nothing_else(settings_variables):
    of_anymail = {name for name in example_variables() if name.startswith("ANYMAIL_")}
    elsewhere = {"POSTGRES_PASSWORD", *of_anymail}
    assert example_variables() - elsewhere == settings_variables


def test_no_secret_has_a_default_in_compose(compose):
    text = (ROOT / "docker-compose.yml").read_text()
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        assert all(mark == ":?" for mark in re.findall(rf"\${{{name}(:[-?])", text))


def test_what_compose_publishes_stays_on_this_machine(compose):
    published = [
        port for service in compose["services"].values() for port in service.get("ports", [])
    ]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_the_image_runs_as_a_user_without_rights_and_holds_no_secret():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    assert "USER paperboy" in lines
    assert not [
        line
        for line in lines
        if line.startswith(("ENV", "ARG")) and re.search("SECRET|PASSWORD|TOKEN", line)
    ]


def test_the_image_is_built_with_settings_that_settings_take(tmp_path):
    given = re.search(
        r"^RUN (ENVIRONMENT=.*?)\\\n    (.*?) \\\n", (ROOT / "Dockerfile").read_text(), re.MULTILINE
    )
    values = dict(word.split("=", 1) for word in " ".join(given.groups()).split())
    result = subprocess.run(
        [sys.executable, "-c", "import newsletter.settings"],
        env={"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path)} | values,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_requirements_pin_every_package_by_hash_and_name_no_index():
    for path in (ROOT / "requirements").glob("*.txt"):
        text = path.read_text()
        packages = re.split(r"\n(?=\S)", text.strip())
        assert all("==" in package and "--hash=sha256:" in package for package in packages)
        assert "://" not in text
        assert "--index" not in text


def test_every_declared_dependency_is_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pinned = set(
        re.findall(
            r"^([a-z0-9_.-]+)==", (ROOT / "requirements" / "runtime.txt").read_text(), re.MULTILINE
        )
    )
    declared = {re.split(r"[\[<>=]", line)[0] for line in project["dependencies"]}
    assert declared <= pinned, declared - pinned
