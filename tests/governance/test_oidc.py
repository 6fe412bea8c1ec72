"""Logins of an OpenID provider: JWTs, its keys and their rotation, the people it names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import User

from aura.config import ConfigError, Settings, load
from aura.kernel.errors import Unavailable
from governance.access import role_of
from governance.identity import credentials, jwks, oidc, user_of
from governance.identity.jwks import KeySet
from governance.models import AuditEvent
from governance.types import Role
from tests.contract.helpdesk import Helpdesk, asked, ok, refused
from tests.people import bearer, headers_of, person
from tests.stubs import provider as stub
from tests.stubs.provider import AUDIENCE, ISSUER, Provider, key_of, public

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    """A provider that the product trusts."""
    with stub.running() as running:
        named = {
            "auth": "on",
            "oidc_issuer": ISSUER,
            "oidc_audience": AUDIENCE,
            "oidc_jwks_url": running.url,
        }
        settings.AURA = settings.AURA.model_copy(update=named)
        jwks.key_sets.cache_clear()
        credentials.forget()
        yield running
        jwks.key_sets.cache_clear()
        credentials.forget()


def claim(settings: Any, **names: str) -> None:
    settings.AURA = settings.AURA.model_copy(
        update={f"oidc_{k}_claim": v for k, v in names.items()}
    )


def opened(token: str) -> int:
    return int(Helpdesk().get("/v1/events", **bearer(token)).status_code)


def why_not(token: str, settings: Any) -> str:
    with pytest.raises(oidc.Refused) as refusal:
        oidc.verify(token, settings.AURA)
    return str(refusal.value)


# --- good ones ---


def test_a_token_opens_what_its_role_may_and_names_its_person(provider):
    headers = bearer(provider.token())
    key = ok(Helpdesk().post("/v1/approvals", asked(), **bearer(provider.token(sub="olga"))), 201)
    url = f"/v1/approvals/{key['approval_id']}/approve"
    assert ok(Helpdesk().post(url, {}, **headers))["resolved_by"] == "oidc:ada"
    user, verified = user_of(provider.token())
    assert (user.get_username(), verified.role) == ("oidc:ada", Role.APPROVER)
    assert not user.has_usable_password()
    refused(Helpdesk().get("/v1/events", **bearer(provider.token(roles=["stranger"]))), 403)


@pytest.mark.parametrize(
    ("kind", "alg"), [("RSA", "RS512"), ("RSA", "PS256"), ("EC", "ES256"), ("OKP", "EdDSA")]
)
def test_each_allowed_algorithm_is_verified(provider, kind, alg):
    key = key_of(kind, 1)
    provider.keys = [public(key, "k9", kind)]
    assert opened(provider.token(key=key, alg=alg, kid="k9")) == 200


def test_a_key_without_a_name_is_found_when_it_is_the_only_one(provider):
    provider.keys = [public(provider.key, "k1")]
    assert opened(provider.token(kid="")) == 200
    provider.keys.append(public(key_of("RSA", 1), "k2"))
    jwks.key_sets.cache_clear()
    assert opened(provider.token(kid="", sub="bob")) == 401


@pytest.mark.parametrize(
    ("path", "claims"),
    [
        ("realm_access.roles", {"realm_access": {"roles": ["viewer", "x"]}}),
        ("https://aura.example/roles", {"https://aura.example/roles": ["viewer"]}),
        ("scope", {"scope": "openid viewer"}),
        ("roles", {"roles": ["admin", "viewer"]}),
    ],
)
def test_roles_are_where_the_setting_says(provider, settings, path, claims):
    claim(settings, roles=path)
    token = provider.token(**{"roles": None} | claims)
    _, verified = user_of(token)
    assert verified.role == (Role.ADMIN if path == "roles" else Role.VIEWER)


def test_a_person_is_called_as_the_setting_says(provider, settings):
    claim(settings, name="email")
    assert user_of(provider.token(email="ada@example.com"))[0].get_username() == (
        "oidc:ada@example.com"
    )


def test_a_new_role_of_the_provider_counts_with_the_next_token_and_is_told(provider):
    user, _ = user_of(provider.token(roles=["viewer"]))
    assert role_of(user) is Role.VIEWER
    user, verified = user_of(provider.token(roles=["admin"]))
    assert role_of(user) is Role.ADMIN
    assert "governance.break_glass" in verified.permissions
    told = AuditEvent.objects.filter(type="user_changed").order_by("id")
    assert [event.action for event in told] == [
        "first login of oidc:ada: viewer",
        "new role of oidc:ada: admin",
    ]


def test_nobody_at_the_provider_becomes_somebody_here(provider):
    person("ada", Role.ADMIN)
    user, verified = user_of(provider.token(roles=["viewer"]))
    assert user.get_username() == "oidc:ada"
    assert "governance.decide_approval" not in verified.permissions


def test_one_person_under_two_names_is_not_two(provider):
    olga = headers_of(person("olga", Role.APPROVER))
    key = ok(Helpdesk().post("/v1/approvals", asked(), **olga), 201)["approval_id"]
    url = f"/v1/approvals/{key}/approve"
    refused(Helpdesk().post(url, {}, **bearer(provider.token(sub="olga"))), 403)
    ok(Helpdesk().post(url, {}, **bearer(provider.token(sub="bob"))))


def test_a_locked_account_is_refused_whatever_the_provider_says(provider):
    token = provider.token()
    user_of(token)
    user = User.objects.get(username="oidc:ada")
    user.is_active = False
    user.save()
    assert opened(token) == 401


def test_tokens_of_ours_work_beside_it(provider):
    assert (
        Helpdesk().get("/v1/events", **headers_of(person("vera", Role.VIEWER))).status_code == 200
    )


# --- bad ones ---


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": None},
        {"aud": "another"},
        {"aud": None},
        {"exp": None},
        {"exp": "soon"},
        {"sub": None},
        {"sub": " "},
        {"sub": "a\u202eb"},
        {"sub": "x" * 200},
    ],
)
def test_a_token_with_wrong_claims_is_refused(provider, claims):
    assert opened(provider.token(**claims)) == 401
    assert not User.objects.exists()


@pytest.mark.parametrize(("claim", "seconds"), [("exp", -60), ("nbf", 300), ("iat", 300)])
def test_a_token_of_another_time_is_refused(provider, claim, seconds):
    # From now on: what is collected may run minutes later.
    assert opened(provider.token(**{claim: int(time.time()) + seconds})) == 401
    assert not User.objects.exists()


def test_clocks_may_differ_a_little(provider):
    now = int(time.time())
    assert opened(provider.token(exp=now - 20)) == 200
    assert opened(provider.token(nbf=now + 20)) == 200


def test_a_foreign_signature_is_refused(provider, settings):
    assert "ignature" in why_not(provider.token(key=key_of("RSA", 1)), settings)
    head, body, sign = provider.token().split(".")
    other = provider.token(roles=["admin"]).split(".")[1]
    assert opened(f"{head}.{other}.{sign}") == 401
    assert opened(f"{head}.{body}.") == 401


def part(said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).rstrip(b"=").decode()


def test_no_signature_at_all_is_refused(provider, settings):
    body = provider.token().split(".")[1]
    for alg in ("none", "None", "NONE", "", None, ["RS256"], {"a": 1}):
        assert "is not allowed" in why_not(f"{part({'alg': alg, 'kid': 'k1'})}.{body}.", settings)


def test_a_public_key_is_no_secret_of_an_hmac(provider, settings):
    pem = provider.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = provider.token().split(".")[1]
    signed = f"{part({'alg': 'HS256', 'kid': 'k1'})}.{body}"
    mac = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), hashlib.sha256)).decode()
    assert "HS256" in why_not(f"{signed}.{mac.rstrip('=')}", settings)


def test_a_secret_that_the_provider_shows_by_mistake_is_no_key(provider, settings):
    secret = base64.urlsafe_b64encode(b"s" * 32).decode().rstrip("=")
    provider.keys.append({"kty": "oct", "k": secret, "kid": "h1", "alg": "RS256"})
    assert "no key" in why_not(provider.token(kid="h1"), settings)


def test_a_key_for_encryption_or_for_another_algorithm_does_not_sign(provider, settings):
    provider.keys = [
        public(provider.key, "k1", use="enc"),
        public(key_of("RSA", 1), "k2", alg="RS256"),
    ]
    assert "no key" in why_not(provider.token(), settings)
    assert "no key" in why_not(provider.token(kid="k2", alg="RS512"), settings)


def test_headers_that_must_be_understood_are_refused(provider, settings):
    _, body, sign = provider.token().split(".")
    head = part({"alg": "RS256", "kid": "k1", "crit": ["x"], "x": 1})
    assert why_not(f"{head}.{body}.{sign}", settings)


@pytest.mark.parametrize("text", ["a.b.c", "..", "é.é.é", "x" * 20_000 + ".b.c", "e30.e30.e30"])
def test_what_is_no_token_is_refused_and_told(provider, text):
    assert opened(text) == 401
    assert AuditEvent.objects.filter(type="credential_refused").exists()


def test_without_a_provider_a_jwt_is_just_an_unknown_token(provider, settings):
    token = provider.token()
    settings.AURA = settings.AURA.model_copy(update={"oidc_issuer": ""})
    assert opened(token) == 401
    assert provider.asked == 0


# --- keys ---


def test_keys_are_fetched_once_and_again_when_they_are_rotated(provider, monkeypatch):
    assert opened(provider.token()) == opened(provider.token(sub="bob")) == 200
    assert provider.asked == 1
    fresh = key_of("RSA", 1)
    provider.keys = [public(fresh, "k2")]
    assert opened(provider.token(key=fresh, kid="k2")) == 401  # asked a moment ago
    assert provider.asked == 1
    monkeypatch.setattr(jwks, "AGAIN_S", 0.0)
    assert opened(provider.token(key=fresh, kid="k2", sub="eve")) == 200
    assert opened(provider.token(sub="late")) == 401  # the old key is gone


def test_made_up_key_ids_do_not_make_us_ask_each_time(provider):
    for number in range(5):
        assert opened(provider.token(kid=f"made-up-{number}")) == 401
    assert provider.asked == 1


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_while_the_provider_is_away_what_it_said_last_counts_for_a_day(provider):
    clock = Clock()
    keys = KeySet(provider.url, clock)
    assert keys.find("k1", "RS256")
    provider.status = 503
    clock.now += jwks.FRESH_S + 1
    assert keys.find("k1", "RS256")
    clock.now += jwks.STALE_S
    with pytest.raises(Unavailable):
        keys.find("k1", "RS256")
    provider.status = 200
    clock.now += jwks.AGAIN_S + 1
    assert keys.find("k1", "RS256")


def test_before_any_key_is_known_the_answer_is_503_and_not_401(provider):
    provider.status = 500
    assert opened(provider.token()) == 503


UNSIGNED = {"kty": "RSA", "alg": "none", "n": "AQAB", "e": "AQAB"}


@pytest.mark.parametrize(
    "keys", [[], [{"kty": "RSA"}], ["x"], [{"kty": "EC", "crv": "P-999"}], [UNSIGNED]]
)
def test_a_provider_without_a_usable_key_is_away(provider, keys):
    provider.keys = keys
    assert opened(provider.token()) == 503


# --- settings ---


def test_the_settings_come_together(monkeypatch):
    monkeypatch.setenv("AURA_OIDC_ISSUER", ISSUER)
    with pytest.raises(ConfigError) as error:
        load()
    assert "AURA_OIDC_AUDIENCE: needed" in str(error.value)
    assert "AURA_OIDC_JWKS_URL: needed" in str(error.value)


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://login.example/jwks", True),
        ("http://127.0.0.1:8080/jwks", True),
        ("http://localhost/jwks", True),
        ("http://login.example/jwks", False),
        ("ftp://login.example/jwks", False),
    ],
)
def test_keys_are_fetched_by_https_or_from_this_machine(url, good):
    named = {"oidc_issuer": ISSUER, "oidc_audience": AUDIENCE, "oidc_jwks_url": url}
    try:
        Settings(**named)
    except ValueError:
        assert not good
    else:
        assert good
