"""The corpus is our own; values are put together here so that no scanner trips over this file."""

from __future__ import annotations

import json
import random
import string
import time
from base64 import b64encode
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aura.kernel.secrets import find, redact, redact_value

_random = random.Random(7)  # noqa: S311  fixed sample values


def some(length: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "a1B2" + "".join(_random.choices(alphabet, k=length - 4))


def pem(label: str) -> str:
    body = "\n".join(some(64) for _ in range(4))
    return f"-----BEGIN {label}-----\n{body}\n-----END {label}-----"


JWT = ".".join(
    b64encode(part).decode().strip("=").replace("+", "-").replace("/", "_")
    for part in (b'{"alg":"HS256"}', b'{"sub":"1234567890"}', b"signature-signature-signature")
)
BASIC = b64encode(b"deploy:s3cret-word").decode()

# kind -> (text, the part that must go)
CORPUS: dict[str, tuple[str, str]] = {}


def secret(name: str, before: str, value: str, after: str = "") -> None:
    CORPUS[name] = (before + value + after, value)


for label in (
    "PRIVATE KEY",
    "RSA PRIVATE KEY",
    "EC PRIVATE KEY",
    "OPENSSH PRIVATE KEY",
    "PGP PRIVATE KEY BLOCK",
):
    block = pem(label)
    CORPUS[label] = (f"data:\n{block}\n", block.split("-----")[2])
one_line = json.dumps(pem("PRIVATE KEY"))
CORPUS["key on one line"] = (one_line, one_line.split("-----")[2])
secret("aws id", "id = ", "AK" + "IA" + "Q2W3E4R5T6Y7U7I3")
secret("aws session id", "", "AS" + "IA" + "Q2W3E4R5T6Y7U7I3")
secret("aws secret", "aws_secret_access_key = ", some(40))
secret("aws secret quoted", 'AWS_SECRET_ACCESS_KEY: "', some(40), '"')
for prefix in ("ghp", "gho", "ghs", "ghu", "ghr"):
    secret(f"github {prefix}", "remote ", f"{prefix}_" + some(36))
secret("github fine-grained", "", "github_" + "pat_" + some(40))
secret("gitlab", "use ", "gl" + "pat-" + some(20))
secret("openai", "", "sk" + "-" + some(48))
secret("openai project", "", "sk" + "-proj-" + some(60))
secret("anthropic", "", "sk" + "-ant-api03-" + some(60))
secret("slack bot", "", "xo" + "xb-1234567890-" + some(24))
secret("slack hook", "https://hooks.slack" + ".com/services/", "T00/B00/" + some(24))
secret("google", "key=", "AI" + "za" + some(35))
secret("stripe", "", "sk" + "_live_" + some(24))
secret("stripe restricted", "", "rk" + "_test_" + some(24))
secret("npm", "", "npm" + "_" + some(36))
secret("npmrc", "//registry.example/:_auth" + "Token=", some(30))
secret("pypi", "", "pypi" + "-AgE" + some(60))
secret("docker", "", "dckr" + "_pat_" + some(27))
secret("sendgrid", "", "SG" + "." + some(22) + "." + some(43))
secret("hugging face", "", "hf" + "_" + some(34))
secret("vault", "", "hv" + "s." + some(28))
secret("grafana", "", "gl" + "sa_" + some(32) + "_abcdef01")
secret("digitalocean", "", "dop" + "_v1_" + "0a" * 32)
secret("telegram", "bot ", "123456789:" + "AA" + some(33))
secret("age", "", "AGE-SECRET" + "-KEY-1" + "Q2W3E4R5T6" * 5 + "ABCDEFGH")
secret("jwt", "cookie ", JWT)
secret("bearer", "curl -H 'Authorization: Bearer ", some(24), "' https://x.example")
secret("basic header", "Authorization: Basic ", BASIC)
secret("registry", '{"auths":{"r.example":{"auth":"', BASIC, '"}}}')
secret("curl user", "curl -s -u admin:", "hunter2", " https://x.example")
secret("azure", "DefaultEndpointsProtocol=https;AccountKey=", some(60) + "==", ";x=y")
secret("url", "git clone https://deploy:", "p4ss", "@git.example.org/x.git")
secret("postgres url", "DATABASE_URL=postgres://aura:", "s3cr%40t", "@db.example:5432/aura")
secret("redis url without user", "redis://:", "f00bar", "@cache:6379/0")
secret("token as user of a url", "https://", some(30), "@git.example.org/x.git")
secret("yaml password", "password: ", "hunter2")
secret("yaml password beside the word example", "password: ", "realpassw0rd", " # example")
secret(
    "yaml password beside a reference", "password: ", "realpassw0rd", " # not ${VAR} TODO {{ x }}"
)
secret("the default word", "password: ", "changeme")
secret("yaml with prefix", "  POSTGRES_PASSWORD: ", "S3cret!")
secret("camel case", "dbPassword: '", "two words", "'")
secret("words with digits", "password: ", "my pass 123")
secret("odd signs", "password: ", "p@ss{w}0rd!#x,y")
secret("json", '{"password": "', 'a\\"b c', '", "x": 1}')
secret("json without blanks", '{"passwd":"', "abc", '"}')
secret("flow mapping", "{user: x, password: ", "abc", "}")
secret("ini", "passwd = ", "geheim1")
secret("shell", "export MYSQL_PWD=", "geheim1", "\necho")
secret("shell quoted", 'DB_PASS="', "ge heim", '"')
secret("default of a variable", "${DB_PASSWORD:-", "hunter2", "}")
secret("option", "mysqldump --password=", "hunter2", " db")
secret("option with blank", "tool --password ", "hunter2", " --verbose")
secret("ado", "Server=db;User Id=sa;Password=", "Pa55", ";Encrypt=yes")
secret("dsn", "host=db user=x password=", "Pa55", " dbname=y")
secret("query", "https://x.example/?user=a&password=", "Pa55", "&x=1")
secret("yaml block", "password: |\n  ", "hunter2", "\nother: 1")
secret("env pair", "- name: DB_PASSWORD\n  value: ", "hunter2", "\n")
secret("env pair in a line", "{name: DB_PASSWORD, value: ", "hunter2", "}")
secret("env pair in json", '{"name": "DB_PASSWORD", "value": "', "hunter2", '"}')
secret("env pair of a token", "- name: API_TOKEN\n  value: ", some(20))
secret("api key", "api_key = '", some(20), "'")
secret("api key in json", '"apiKey": "', some(20), '"')
secret("client secret", "client_secret: ", "q8Tz0rTTa1")
secret("uuid token", "token: ", "3f2b8c1e-9d1c-4f6a-8e57-0c8d5b2a9f10")
secret("long word", "secretKey: ", "abcdefghijklmnopqrstuvwxyz")
secret("registry login", "docker login --username x --password ", "hunter2")

HARMLESS = [
    'password authentication failed for user "aura"',
    "FATAL:  password authentication failed",
    'level=info msg="token refreshed" tokens=1200 prompt_tokens: 33',
    "max_tokens: 4096",
    "secretName: db-credentials",
    "secret: tls-wildcard-cert",
    "existingSecret: redis-auth-v2",
    "imagePullSecrets:\n  - name: registry-login",
    "automountServiceAccountToken: false",
    "tokenExpirationSeconds: 3600",
    "valueFrom:\n  secretKeyRef:\n    name: db-credentials\n    key: password",
    "- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: password}",
    "- name: DB_PASSWORD_FILE\n  value: /run/secrets/db_password",
    "password: ${DB_PASSWORD}",
    "password: $DB_PASSWORD",
    "password: $(cat /run/secrets/x)",
    "password: {{ .Values.db.password }}",
    'password: "{{ .Values.db.password }}"',
    "password: <password>",
    "password: <path:secret/data/db#password>",
    "password: ''",
    "password:",
    "password: null",
    "password: ********",
    "password: xxxx",
    "password: !vault |",
    "password: vault:secret/data/db#password",
    "password: ENC[AES256_GCM,data:abc,iv:def,type:str]",
    "    password: Ag" + "B" + "x" * 700,
    "password: /run/secrets/db",
    "password = os.environ['DB_PASSWORD']",
    "password = get_password(user)",
    "token = settings.API_TOKEN",
    "# password: must be set by the operator",
    "password_encryption = scram-sha-256",
    "ssl_passphrase_command_supports_reload = off",
    "${DB_PASSWORD:?must be set}",
    "${DB_PASSWORD:-}",
    "PWD=/root/work",
    "the key starts with -----BEGIN PRIVATE KEY----- and is kept elsewhere",
    "-----BEGIN CERTIFICATE-----\n" + "QUJD" * 16 + "\n-----END CERTIFICATE-----",
    "image: registry.example:5000/team/app@sha256:" + "0a" * 32,
    "https://registry.example:5000/v2/",
    "git@github.com:team/repo.git",
    "ssh://git@git.example.org:22/team/repo.git",
    "commit 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
    "integrity sha512-" + "Zm9v" * 20,
    "risk-based-authentication task-abcdefghijklmnopqrstuvwxyz",
    "Authorization: Bearer <token>",
    'WWW-Authenticate: Basic realm="x"',
    "kubectl create secret generic db --from-literal=password=$PASS",
    "tokenReviewerJwt: from-file",
    "AKIA" + "IOSFODNN7" + "EXAMPLE",
    "passed: 12, pass=12 fail=0",
]


@pytest.mark.parametrize("name", CORPUS)
def test_a_secret_is_found_and_only_its_value_taken_out(name: str) -> None:
    text, value = CORPUS[name]
    matches = find(f"before: 1\n{text}\nafter: 2\n")
    redacted = redact(f"before: 1\n{text}\nafter: 2\n")
    assert len(matches) == 1, matches
    assert value not in redacted
    assert redacted.startswith("before: 1\n")
    assert redacted.endswith("\nafter: 2\n")
    head, _, tail = text.partition(value)
    assert redacted == f"before: 1\n{head}[redacted:{matches[0].kind}]{tail}\nafter: 2\n"


def test_at_least_nineteen_kinds_are_told_apart() -> None:
    assert len({find(text)[0].kind for text, _ in CORPUS.values()}) >= 19


@pytest.mark.parametrize("text", HARMLESS)
def test_a_harmless_line_is_left_alone(text: str) -> None:
    assert find(text) == []
    assert redact(text) == text


def test_the_line_is_that_of_the_value() -> None:
    text = "a: 1\r\n\nb: 2\npassword: hunter2\nc: 3\ntoken: " + "gh" + "p_" + some(36)
    assert [match.line for match in find(text)] == [4, 6]


def test_matches_do_not_overlap_and_keep_the_order() -> None:
    text = "\n".join(text for text, _ in CORPUS.values())
    matches = find(text)
    assert len(matches) >= len(CORPUS)
    assert all(one.end <= other.start for one, other in pairwise(matches))


def test_two_secrets_of_a_line_are_both_taken_out() -> None:
    assert redact("password: a1 token: q8Tz0rTTa1x") == (
        "password: [redacted:password] token: [redacted:token]"
    )


def test_a_vendors_token_under_a_key_has_the_vendors_name() -> None:
    token = "gh" + "p_" + some(36)
    assert redact(f"password: {token}") == "password: [redacted:github_token]"


def test_a_secret_at_the_seam_of_two_windows_is_found_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aura.kernel.secrets.WINDOW", 2048)
    monkeypatch.setattr("aura.kernel.secrets.OVERLAP", 512)
    for start in range(1400, 2200):
        text = "x" * (start - 1) + "\npassword: hunter2 \n" + "y " * 512
        assert [match.start for match in find(text)] == [start + len("password: ")]


def test_an_unfinished_key_ends_where_its_lines_end() -> None:
    text = pem("PRIVATE KEY").rpartition("\n")[0] + "\nand then some prose follows here\n"
    assert redact(text) == (
        "-----BEGIN PRIVATE KEY-----[redacted:private_key]\nand then some prose follows here\n"
    )


@given(st.text(alphabet="pasword: =\"'{}$<>,;-\n@/ab1\\", max_size=80))
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@given(st.lists(st.sampled_from(sorted(CORPUS)), max_size=5), st.text(max_size=20))
def test_no_value_survives_in_company(names: list[str], filler: str) -> None:
    text = f"\n{filler}\n".join(CORPUS[name][0] for name in names)
    redacted = redact(text)
    for name in names:
        if len(CORPUS[name][1]) > 12:
            assert CORPUS[name][1] not in redacted


EVIL = [
    "password " * 30_000,
    "password:" * 30_000,
    "password: ${" * 20_000,
    'password="aaa ' * 20_000,
    'password="' + "\\a" * 100_000,
    "a" * 300_000,
    "-" * 300_000,
    "://" * 100_000,
    "://a:" * 60_000,
    "eyJ" + "a" * 300_000,
    "eyJaaaaaaaa." * 25_000,
    "-----BEGIN PRIVATE KEY-----" * 10_000,
    "-----BEGIN " * 30_000,
    "name: " * 50_000,
    "name:" + " " * 300_000,
    "name: a value: " * 20_000,
    "key: '" * 50_000,
    "curl " * 60_000,
    "aws_secret" * 30_000,
    "{{" * 150_000,
    "$((" * 100_000,
    "password: " + "}" * 300_000,
    "token: " + "a1-" * 100_000,
    "gh" + "p_" * 100_000,
]


@pytest.mark.parametrize("text", EVIL, ids=lambda text: text[:16])
def test_no_text_takes_long(text: str) -> None:
    start = time.process_time()
    redact(text)
    # Seconds a character, five times what a busy machine took; a square of it would be hundreds.
    assert time.process_time() - start < len(text) * 20e-6


def test_json_values_lose_what_their_keys_call_secret() -> None:
    value: dict[str, Any] = {
        "password": "x",
        "db_password": 1234,
        "apiKey": "short",
        "Authorization": "anything",
        "nested": [{"client_secret": "abc"}, "postgres://a:pw@h/d"],
        "tokens": ["a"],
        "tokenList": {"token": ["one", "two"]},
        "env": [{"name": "X_TOKEN", "value": "y"}, {"name": "MODE", "value": "y"}],
        "max_tokens": 5,
        "secretName": "db",
        "passwordRef": "db",
        "token": None,
        "secret": True,
        "auth_token": "${TOKEN}",
    }
    assert redact_value(value) == {
        "password": "[redacted:password]",
        "db_password": "[redacted:password]",
        "apiKey": "[redacted:token]",
        "Authorization": "[redacted:token]",
        "nested": [
            {"client_secret": "[redacted:token]"},
            "postgres://a:[redacted:url_password]@h/d",
        ],
        "tokens": ["a"],
        "tokenList": {"token": ["[redacted:token]", "[redacted:token]"]},
        "env": [{"name": "X_TOKEN", "value": "[redacted:token]"}, {"name": "MODE", "value": "y"}],
        "max_tokens": 5,
        "secretName": "db",
        "passwordRef": "db",
        "token": None,
        "secret": True,
        "auth_token": "${TOKEN}",
    }


def test_the_given_value_is_not_changed() -> None:
    value = {"a": ["password: x1"]}
    redact_value(value)
    assert value == {"a": ["password: x1"]}


def test_endless_nesting_is_cut() -> None:
    value: Any = "x"
    for _ in range(50_000):
        value = [value]
    assert "too_deep" in str(redact_value(value))[-300:]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(json_values)
def test_the_shape_of_json_is_kept(value: Any) -> None:
    redacted = redact_value(value)
    assert json.loads(json.dumps(redacted)) == redacted
    assert redact_value(redacted) == redacted
