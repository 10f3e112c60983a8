from datetime import timedelta

import pytest

from protocol.codes import Code
from protocol.errors import RefusedError
from protocol.jws import Algorithm
from verifier.settings import VerifierSettings, encode_settings, parse_settings

SETTINGS = VerifierSettings(
    "Cinema", "http://verifier.localhost:8103", "did:webvh:Qm:ledger.localhost%3A8101:c"
)


@pytest.mark.parametrize(
    "settings",
    [
        SETTINGS,
        VerifierSettings("Shop", "https://shop.example", None),
        VerifierSettings(
            'Ciné "Nord" \\',
            "https://shop.example:8443",
            "did:key:z6Mk",
            signing_name=Algorithm.ED25519,
            database="postgresql+psycopg://city:%40@db.example/register?sslmode=verify-full",
            request_lifetime=timedelta(minutes=2),
        ),
    ],
)
def test_settings_come_back_as_they_were_written(settings: VerifierSettings) -> None:
    assert parse_settings(encode_settings(settings)) == settings


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param("minutes = 5", "minutes = 0", "requests.minutes is a whole number", id="too-short"),
        pytest.param("minutes = 5", "minutes = 61", "requests.minutes is a whole number", id="too-long"),
        pytest.param("minutes = 5", "minute = 5", "did you mean minutes?", id="unknown"),
        pytest.param("[requests]", "passphrase = 'x'\n[requests]", "passphrase is unknown", id="secret"),
        pytest.param('"Cinema"', '""', "name is a text", id="empty-name"),
        pytest.param('"Cinema"', f'"{"x" * 201}"', "name has at most 200", id="long-name"),
        pytest.param('name = "Cinema"', "", "name is missing", id="no-name"),
        pytest.param('"Cinema"', r'"\u202e"', "one line of visible text", id="invisible-name"),
        pytest.param("EdDSA", "ES256", "signing_name is EdDSA or Ed25519", id="other-algorithm"),
        pytest.param("EdDSA", "none", "signing_name is one of", id="no-algorithm"),
        pytest.param("8103", "8103/", "without a path", id="slash"),
        pytest.param(
            "http://verifier.localhost:8103", "http://shop.example", "url cannot be used", id="http"
        ),
        pytest.param("http://verifier.localhost:8103", "shop.example", "url cannot be used", id="no-url"),
        pytest.param("did = ", "did = 1 #", "did is a text", id="did"),
    ],
)
def test_settings_nobody_meant_are_refused(old: str, new: str, reason: str) -> None:
    text = encode_settings(SETTINGS)
    assert old in text
    with pytest.raises(RefusedError) as refusal:
        parse_settings(text.replace(old, new, 1))
    assert refusal.value.code is Code.SETTINGS_INVALID
    assert refusal.value.detail.startswith("verifier.toml: ")
    assert reason in refusal.value.detail
