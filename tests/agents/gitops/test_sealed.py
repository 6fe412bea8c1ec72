"""Values sealed with the sandbox controller's certificate open there, and only where they may."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa

from agents.gitops import checks
from agents.gitops.sealed import certificate, manifest
from agents.gitops.sealed.sealing import Scope, label, seal
from agents.gitops.sealed.tools import CREATE, UPDATE, sealed_tools
from agents.gitops.sealed.vault import SecretName
from agents.runtime.tool import CallContext, NeedsPerson, Suspended, ToolFailure, ToolResult
from agents.sandbox.certificates import self_signed
from agents.sandbox.sealing import CannotOpen
from aura.config import Settings
from tests.agents.gitops.support import Desk
from tests.agents.sandbox.running import Running, sandbox

DB = SecretName("shop", "db")
VALUES = {"password": "hunter2 ünïcode\n", "empty": "", "long": "x" * 60_000}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Running]:
    with sandbox() as running:
        yield running


@pytest.fixture
def config(cluster: Running) -> Settings:
    return Settings(KUBECONFIG=str(cluster.kubeconfig))


@pytest.fixture
def found(config: Settings) -> certificate.Certificate:
    return certificate.configured(config, "sealed_secret_create")


def sealed(found: certificate.Certificate, scope: Scope) -> str:
    bound_to = label(scope, DB.namespace, DB.name)
    values = {key: seal(value, found.key, bound_to) for key, value in VALUES.items()}
    return manifest.made(DB, values, scope=scope, kind="Opaque")


def opened(cluster: Running, text: str, **moved: str) -> dict[str, str]:
    """What the controller makes of it, perhaps under another name or namespace."""
    value = yaml.safe_load(text)
    value["metadata"] |= moved
    clear = cluster.cluster.sealing.open(value)
    return {key: base64.b64decode(each).decode() for key, each in clear.items()}


# --- scopes ---


@pytest.mark.parametrize(
    ("scope", "elsewhere"),
    [
        (Scope.STRICT, {}),
        (Scope.NAMESPACE_WIDE, {"name": "other"}),
        (Scope.CLUSTER_WIDE, {"name": "other", "namespace": "other"}),
    ],
)
def test_a_value_opens_where_its_scope_lets_it(cluster, found, scope, elsewhere):
    text = sealed(found, scope)
    assert opened(cluster, text) == VALUES
    assert opened(cluster, text, **elsewhere) == VALUES
    assert manifest.scope_of(text, DB) is scope


@pytest.mark.parametrize(
    ("scope", "elsewhere"),
    [
        (Scope.STRICT, {"name": "other"}),
        (Scope.STRICT, {"namespace": "other"}),
        (Scope.NAMESPACE_WIDE, {"namespace": "other"}),
    ],
)
def test_a_value_that_is_copied_elsewhere_does_not_open(cluster, found, scope, elsewhere):
    with pytest.raises(CannotOpen):
        opened(cluster, sealed(found, scope), **elsewhere)


@pytest.mark.parametrize("bits", [2048, 3072, 4096])
def test_what_was_sealed_passes_the_checks_and_a_plain_secret_does_not(bits):
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    text = manifest.made(DB, {"password": seal("x", key, b"")}, scope=Scope.STRICT, kind="Opaque")
    assert not checks.errors(checks.check_files({"db.yaml": text}))
    plain = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db", "namespace": "shop"}}
    for held in ({"data": {"password": "aHVudGVyMg=="}}, {"stringData": {"a": "hunter2"}}):
        issues = checks.check_files({"db.yaml": yaml.safe_dump(plain | held)})
        assert "kubernetes.secret" in {issue.rule for issue in checks.errors(issues)}


# --- the certificate ---


def pem(tmp_path: Path, text: str) -> Settings:
    file = tmp_path / "cert.pem"
    file.write_text(text)
    return Settings(sealed_secrets_cert=file)


def test_a_certificate_from_a_file_is_the_same_as_from_the_cluster(cluster, found, tmp_path):
    config = pem(tmp_path, cluster.cluster.sealing.certificate())
    assert certificate.configured(config, "x").fingerprint == found.fingerprint


def test_a_controller_that_is_not_there_is_said_with_the_settings(cluster):
    config = Settings(KUBECONFIG=str(cluster.kubeconfig), sealed_secrets_controller="nope")
    with pytest.raises(ToolFailure, match="AURA_SEALED_SECRETS_CONTROLLER"):
        certificate.configured(config, "x")


def test_a_certificate_that_cannot_be_used_is_refused_with_a_reason(tmp_path):
    def key(bits: int) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(public_exponent=65537, key_size=bits)

    expired = self_signed(key(2048), ("x",), begin=1_600_000_000, days=1)
    for text, said in (
        ("", "no PEM"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no PEM"),
        (expired, "expired on 2020-09-14"),
        (self_signed(key(1024), ("x",)), "2048 bits"),
    ):
        with pytest.raises(NeedsPerson, match=said):
            certificate.configured(pem(tmp_path, text), "x")


# --- changing a file of several documents ---

FILE = """\
# the shop
---
apiVersion: v1
kind: ConfigMap  # stays
metadata: {name: db, namespace: shop}
data:
    key:   'value'
---
# sealed by ops
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata:
  name: db  # the name
  namespace: shop
  annotations:
    sealedsecrets.bitnami.com/namespace-wide: "true"
spec:
  encryptedData:
    user: OLDUSER
    password: OLD  # rotated monthly
"""


def test_only_the_values_that_are_given_change_in_a_file(cluster, found):
    scope = manifest.scope_of(FILE, DB)
    assert scope is Scope.NAMESPACE_WIDE
    new = seal("new", found.key, label(scope, "shop", "db"))
    text = manifest.updated(FILE, DB, {"password": new, "token": new})
    assert text == FILE.replace(
        "OLD  # rotated monthly\n", f"{new} # rotated monthly\n    token: {new}\n"
    )
    only = text[text.index("apiVersion: bitnami") :].replace("    user: OLDUSER\n", "")
    assert opened(cluster, only) == {"password": "new", "token": "new"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (FILE.replace("namespace: shop\n  ann", "namespace: other\n  ann"), "has no SealedSecret"),
        ("a: [", "not YAML"),
        ("", "has no SealedSecret"),
    ],
)
def test_a_file_without_it_is_refused(text, said):
    with pytest.raises(ToolFailure, match=said):
        manifest.updated(text, DB, {"a": "b"})


# --- the tools, without a ticket ---


class Vault:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.used: dict[str, set[str]] = {}
        self.crash = False

    def values(self, secret: SecretName) -> Mapping[str, str]:
        return self.kept

    def forget(self, secret: SecretName, keys: Any, *, call_id: str) -> None:
        if self.crash:
            raise KeyboardInterrupt
        self.used[call_id] = set(keys)
        for key in keys:
            del self.kept[key]

    def sealed_by(self, call_id: str) -> frozenset[str]:
        return frozenset(self.used.get(call_id, ()))

    def where(self, secret: SecretName) -> str:
        return "in the form"


@pytest.fixture
def tools(desk: Desk, config: Settings) -> tuple[Vault, Callable[..., Any]]:
    vault = Vault()
    made = {tool.name: tool for tool in sealed_tools(desk.workspace, "T1", vault, config)}

    def call(what: str, tool_name: str = CREATE, call_id: str = "c", **more: Any) -> Any:
        tool = made[tool_name]
        usual = {"name": "db", "namespace": "shop", "keys": ["password"], "path": "apps/db.yaml"}
        said = tool.parameters.model_validate(usual | more)
        if tool.check:
            tool.check(said)
        return getattr(tool, what)(said, CallContext(call_id=call_id, trace_id="t"))

    return vault, call


def test_values_that_are_missing_are_asked_for_by_their_keys(tools, desk):
    vault, call = tools
    vault.kept = {"password": "hunter2"}
    asked = call("run", keys=["password", "user"])
    assert isinstance(asked, Suspended)
    assert asked.detail["secret"]["keys"] == ["user"]
    assert "in the form" in asked.detail["question"]
    assert vault.kept == {"password": "hunter2"}
    assert not (desk.path / "apps/db.yaml").exists()


def test_a_crash_between_writing_and_erasing_is_found_and_repeated(tools, desk, cluster):
    vault, call = tools
    vault.kept, vault.crash = {"password": "hunter2"}, True
    with pytest.raises(KeyboardInterrupt):
        call("run")
    assert call("probe") is None
    vault.crash = False
    assert isinstance(call("run"), ToolResult)
    assert call("probe").data["keys"] == ["password"]
    assert call("probe", call_id="another") is None
    assert opened(cluster, (desk.path / "apps/db.yaml").read_text()) == {"password": "hunter2"}


def test_a_file_of_the_repository_is_never_replaced_by_a_new_one(tools, desk):
    vault, call = tools
    vault.kept = {"password": "hunter2"}
    for what in ("inspect", "run"):
        with pytest.raises(ToolFailure, match=UPDATE):
            call(what, path="apps/web.yaml")
    for path in ("../x.yaml", "AGENTS.md", ".git/x.yaml"):
        with pytest.raises(ToolFailure):
            call("run", path=path)


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "Db"},
        {"namespace": "a/b"},
        {"namespace": ""},
        {"keys": []},
        {"keys": ["a", "a"]},
        {"keys": ["a b"]},
        {"values": {"password": "x"}},
        {"scope": "wide"},
        {"type": "a b"},
    ],
)
def test_arguments_that_fit_no_secret_are_refused(tools, bad):
    _, call = tools
    with pytest.raises(ValueError, match="validation error"):
        call("run", **bad)
