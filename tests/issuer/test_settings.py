from dataclasses import replace
from datetime import timedelta

import pytest

from issuer.settings import IssuerSettings, encode_settings, parse_settings
from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.jws import Algorithm

SETTINGS = IssuerSettings(
    name="City University",
    url="http://issuer.localhost:8102",
    did="did:webvh:Qm:ledger.localhost%3A8101:city",
)


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        IssuerSettings(
            name='Université "Nord" \\',
            url="https://issuer.example",
            did="did:webvh:Qm:issuer.example",
            signing_name=Algorithm.ED25519,
            database="postgresql+psycopg://city:%40@db.example/register?sslmode=verify-full",
            offer_lifetime=timedelta(minutes=5),
            copies=1,
            list_size=1 << 20,
            status_lifetime=timedelta(hours=2),
            status_time_to_live=timedelta(seconds=60),
        ),
    ],
)
def test_settings_come_back_as_they_were_written(settings: IssuerSettings) -> None:
    assert parse_settings(encode_settings(settings)) == settings


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("copies = 10", "copies = 0", "offers.copies", id="too-few"),
        pytest.param("copies = 10", "copies = 51", "offers.copies", id="too-many"),
        pytest.param("copies = 10", "copies = true", "offers.copies", id="not-a-number"),
        pytest.param("list_size = 131072", "list_size = 131071", "status.list_size", id="list-too-small"),
        pytest.param('name = "City University"', 'name = ""', "name", id="empty"),
        pytest.param('name = "City University"', "", "name is missing", id="missing"),
        pytest.param("EdDSA", "ES256", "signing_name", id="other-algorithm"),
        pytest.param("EdDSA", "none", "signing_name", id="no-algorithm"),
        pytest.param('"EdDSA"', '["EdDSA"]', "signing_name", id="two-algorithms-maybe"),
        pytest.param("copies = 10", "copies = 10\nretries = 3", "offers.retries", id="NT-A07-unknown"),
        pytest.param("[offers]", "offers = 1\n[more]", "offers is a table", id="not-a-table"),
        pytest.param("[offers]", "passphrase = 'x'\n[offers]", "passphrase", id="NT-A07-secret"),
        pytest.param('"register.sqlite"', '"mysql://db/x"', "PostgreSQL", id="other-database"),
        pytest.param('"register.sqlite"', '"a\\nb"', "name that can be read", id="unreadable-database"),
        pytest.param("[offers]", "[offers", "line", id="not-toml"),
    ],
)
def test_settings_nobody_meant_are_refused(old: str, new: str, reason: str) -> None:
    text = encode_settings(SETTINGS)
    assert old in text
    with pytest.raises(RefusedError) as refusal:
        parse_settings(text.replace(old, new, 1))
    assert refusal.value.code is Code.SETTINGS_INVALID
    assert refusal.value.detail.startswith("issuer.toml: ")
    assert reason in refusal.value.detail


def test_settings_that_are_not_there_are_the_usual_ones() -> None:
    short = f'name = "{SETTINGS.name}"\nurl = "{SETTINGS.url}"\ndid = "{SETTINGS.did}"\n'
    assert parse_settings(short) == SETTINGS


def test_password_of_the_database_is_not_shown_with_the_settings() -> None:
    settings = replace(SETTINGS, database="postgresql+psycopg://city:hunter2@db.example/register")
    assert "hunter2" not in repr(settings)
