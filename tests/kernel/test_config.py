"""Settings: what is read, what is refused, and in which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aura.config import ConfigError, Settings, load, unknown_names

DOCUMENTED = {
    "env": "development",
    "llm_max_tokens": 4096,
    "llm_temperature": 0.1,
    "git_branch": "main",
    "git_author_name": "Aura Agent",
    "git_author_email": "aura@localhost",
    "agent_max_turns": 50,
    "agent_plan_approval": True,
    "agent_destructive_approval": True,
    "agent_auto_merge": True,
    "server_port": 3000,
    "cost_tracking_enabled": True,
    "logging_level": "info",
    "auth": "on",
}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment without any setting; returns a function that sets some."""
    for name, field in Settings.model_fields.items():
        monkeypatch.delenv(f"AURA_{name.upper()}", raising=False)
        if isinstance(field.validation_alias, str):
            monkeypatch.delenv(field.validation_alias, raising=False)

    def setting(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return setting


def complaints():
    with pytest.raises(ConfigError) as refusal:
        load()
    return str(refusal.value).splitlines()


def test_without_any_setting_the_documented_defaults_count():
    settings = load()
    assert {name: getattr(settings, name) for name in DOCUMENTED} == DOCUMENTED


def test_out_of_the_box_no_other_machine_reaches_the_product():
    settings = load()
    assert settings.server_host == "127.0.0.1"
    assert settings.loopback


def test_the_ports_are_the_documents():
    ports = load().ports
    assert [port for _, _, port in ports.listed()] == [
        3000,
        8080,
        1199,
        1100,
        1102,
        1104,
        1106,
        9091,
    ]


def test_values_come_from_the_environment(environment, tmp_path):
    environment(
        AURA_ENV="production",
        AURA_SECRET_KEY="x" * 50,
        AURA_SERVER_PORT="3100",
        AURA_AGENT_PLAN_APPROVAL="false",
        AURA_AGENT_MAX_TURNS="7",
        AURA_LLM_TEMPERATURE="0",
        AURA_SERVER_CORS_ORIGIN=" https://a.example, https://b.example ,,",
        AURA_DATA_DIR=str(tmp_path),
        AURA_DATABASE_URL="postgresql://u:p@db/aura",
        AURA_LOGGING_LEVEL="debug",
    )
    settings = load()
    assert settings.env == "production"
    assert settings.ports.api == 3100
    assert settings.agent_plan_approval is False
    assert settings.agent_max_turns == 7
    assert settings.llm_temperature == 0
    assert settings.server_cors_origin == ("https://a.example", "https://b.example")
    assert settings.data == tmp_path
    assert settings.workspace == tmp_path / "workspace"
    assert settings.logging_level == "debug"


def test_what_is_made_from_settings_can_be_kept_by_them():
    assert hash(load()) == hash(load())


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError, match="frozen"):
        load().server_port = 1


def test_opentelemetrys_own_name_counts_unless_ours_is_set(environment):
    environment(OTEL_EXPORTER_OTLP_ENDPOINT="http://theirs:4318")
    assert load().otel_endpoint == "http://theirs:4318"
    environment(AURA_OTEL_ENDPOINT="http://ours:4318")
    assert load().otel_endpoint == "http://ours:4318"
    assert unknown_names({"AURA_OTEL_ENDPOINT": "x"}) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AURA_ENV", "prod"),
        ("AURA_SERVER_PORT", "http"),
        ("AURA_SERVER_PORT", "0"),
        ("AURA_SERVER_PORT", "65536"),
        ("AURA_SERVER_PORT", "3000.5"),
        ("AURA_AGENT_PORT", "65535"),
        ("AURA_POLICY_FILE", "/nowhere/policy.yaml"),
        ("AURA_DEFAULT_POLICY", "permit"),
        ("AURA_POLICY_DRY_RUN", "perhaps"),
        ("AURA_OPERATING_MODE", "write"),
        ("AURA_DATA_DIR", "/dev/null"),
        ("AURA_DATA_DIR", "/dev/null/below"),
        ("AURA_DATA_DIR", "~nobody-of-this-name/aura"),
        ("AURA_DATA_DIR", "x" * 300),
        ("AURA_AUTH", "yes"),
        ("AURA_PUBLIC_URL", "aura.example.com"),
        ("AURA_DATABASE_URL", "mysql://aura@db/aura"),
        ("AURA_DATABASE_URL", "db"),
        ("AURA_REDIS_URL", "http://redis"),
        ("AURA_LLM_BASE_URL", "llm.internal/v1"),
        ("AURA_LLM_TEMPERATURE", "9"),
        ("AURA_LLM_TEMPERATURE", "-0.1"),
        ("AURA_LLM_TEMPERATURE", "nan"),
        ("AURA_LLM_TIMEOUT_S", "0"),
        ("AURA_LLM_TIMEOUT_S", "inf"),
        ("AURA_LLM_MAX_TOKENS", "0"),
        ("AURA_LLM_TOOL_MODE", "xml"),
        ("AURA_AGENT_MAX_TURNS", "0"),
        ("AURA_AGENT_MAX_TURNS", "-5"),
        ("AURA_AGENT_MAX_TURNS", "many"),
        ("AURA_AGENT_PLAN_APPROVAL", "perhaps"),
        ("AURA_AGENT_DESTRUCTIVE_APPROVAL", "2"),
        ("AURA_COST_PROMPT_PRICE", "-1"),
        ("AURA_COST_PROMPT_PRICE", "free"),
        ("AURA_COST_PROMPT_PRICE", "Infinity"),
        ("AURA_WORKER_CONCURRENCY", "0"),
        ("AURA_LOGGING_LEVEL", "loud"),
        ("AURA_LOGGING_FORMAT", "xml"),
        ("AURA_METRICS_PORT", "70000"),
        ("AURA_OTEL_ENDPOINT", "localhost:4318"),
        ("AURA_GIT_SSH_KEY_FILE", "/no; such/file"),
        ("AURA_GIT_SSH_KNOWN_HOSTS_FILE", "/"),
        ("HELPDESK_INFRA_CONFIG", "/no/such/file"),
        ("HELPDESK_AUDIT_URL", "auditd:1199"),
        ("AURA_SERVER_HOST", "0.0.0.0"),  # noqa: S104 - refused, that is the point
        ("AURA_SERVER_HOST", "aura.example"),
        ("AURA_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("AURA_TRUSTED_PROXIES", "proxy.internal"),
        ("AURA_THROTTLE", "yes"),
        ("AURA_THROTTLE_REQUESTS", "0"),
        ("AURA_THROTTLE_STREAMS", "-1"),
        ("AURA_THROTTLE_TICKETS", "many"),
        ("AURA_OUTBOUND_ALLOW", "http://hooks.internal/"),
        ("AURA_OUTBOUND_ALLOW", "10.0.0.1/8"),
        ("AURA_OUTBOUND_ALLOW", "127.1"),
    ],
)
def test_a_bad_value_is_one_readable_line_that_names_its_variable(environment, name, value):
    environment(**{"AURA_AUTH": "off", name: value})
    (line,) = complaints()
    assert line.startswith(f"{name}: ")
    assert 10 < len(line.removeprefix(name)) < 200
    assert "pydantic" not in line
    assert "Value error" not in line


def test_the_documents_names_of_the_policys_settings_are_read_too(environment):
    environment(HELPDESK_DEFAULT_POLICY="allow", HELPDESK_OPERATING_MODE="readonly")
    environment(HELPDESK_POLICY_DRY_RUN="true", HELPDESK_POLICY_FILE=__file__)
    settings = load()
    assert (settings.default_policy, settings.operating_mode) == ("allow", "readonly")
    assert settings.policy_dry_run
    assert str(settings.policy_file) == __file__
    environment(AURA_OPERATING_MODE="fix")
    assert load().operating_mode == "fix"


def test_every_bad_value_is_told_at_once(environment):
    environment(AURA_ENV="prod", AURA_AGENT_MAX_TURNS="0", AURA_AUTH="yes")
    assert sorted(line.split(":")[0] for line in complaints()) == [
        "AURA_AGENT_MAX_TURNS",
        "AURA_AUTH",
        "AURA_ENV",
    ]


def test_what_does_not_fit_together_is_told_at_once(environment):
    environment(AURA_GATEWAY_PORT="3000", AURA_SECBOT_PORT="1102")
    environment(AURA_SERVER_HOST="10.0.0.1", AURA_AUTH="off")
    assert sorted(line.split(":")[0] for line in complaints()) == [
        "AURA_GATEWAY_PORT",
        "AURA_SECBOT_PORT",
        "AURA_SERVER_HOST",
    ]


def test_the_line_shows_the_value_that_was_given(environment):
    environment(AURA_LOGGING_LEVEL="loud")
    assert complaints()[0].endswith("(it is 'loud')")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AURA_DATABASE_URL", "mysql://aura:hunter2@db/aura"),
        ("AURA_REDIS_URL", "http://:hunter2@redis"),
        ("AURA_LLM_BASE_URL", "ftp://user:hunter2@llm"),
        ("HELPDESK_AUDIT_URL", "ftp://user:hunter2@auditd"),
    ],
)
def test_a_value_that_may_hold_a_credential_is_not_shown(environment, name, value):
    environment(**{name: value})
    assert "hunter2" not in "\n".join(complaints())


def test_two_surfaces_cannot_share_a_port(environment):
    environment(AURA_GATEWAY_PORT="3000")
    assert complaints() == ["AURA_GATEWAY_PORT: port 3000 of gateway is also that of api"]


def test_the_highest_port_for_agents_leaves_room_for_all_four(environment):
    environment(AURA_AGENT_PORT="65529")
    assert load().ports.agents == (65529, 65531, 65533, 65535)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_without_a_login_the_product_listens_to_this_machine_only(environment, host):
    environment(AURA_SERVER_HOST=host, AURA_AUTH="off")
    assert load().loopback


def test_with_a_login_it_may_be_reachable(environment):
    environment(AURA_SERVER_HOST="0.0.0.0", AURA_AUTH="on")  # noqa: S104 - with a login
    assert not load().loopback


@pytest.mark.parametrize(
    ("url", "tls", "host"),
    [
        ("https://aura.example.com/", True, "aura.example.com"),
        ("https://aura.example.com:8443", True, "aura.example.com"),
        ("http://aura.internal:3000", False, "aura.internal"),
    ],
)
def test_the_public_url_tells_whether_there_is_tls(environment, url, tls, host):
    assert not load().tls
    environment(AURA_PUBLIC_URL=url)
    settings = load()
    assert (settings.tls, settings.public_host) == (tls, host)
    assert settings.public_origin == url.rstrip("/")


def test_production_wants_a_key_of_its_own(environment):
    environment(AURA_ENV="production")
    assert complaints() == ["AURA_SECRET_KEY: required when AURA_ENV=production"]


@pytest.mark.parametrize(
    ("model", "provider"), [("", "offline"), ("gpt-4", "openai"), ("ollama/qwen", "ollama")]
)
def test_the_provider_is_told_from_the_model(environment, model, provider):
    environment(AURA_LLM_MODEL=model)
    assert load().llm_provider == provider


# --- names that no setting has ---


def test_known_names_are_not_warned_of():
    known = {f"AURA_{name.upper()}": "x" for name in ("server_port", "llm_model", "git_token")}
    assert unknown_names(known | {"HELPDESK_INFRA_CONFIG": "x", "PATH": "x"}) == []


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("AURA_SERVER_PROT", "AURA_SERVER_PORT"),
        ("AURA_AGENT_PLAN_APROVAL", "AURA_AGENT_PLAN_APPROVAL"),
        ("AURA_LLM_APIKEY", "AURA_LLM_API_KEY"),
        ("AURA_INFRA_CONFIG", "HELPDESK_INFRA_CONFIG"),
        ("AURA_AUDIT_URL", "HELPDESK_AUDIT_URL"),
    ],
)
def test_a_misspelt_name_is_warned_of_with_the_nearest_one(name, hint):
    assert unknown_names({name: "x"}) == [
        f"{name} is not a setting and is ignored; did you mean {hint}?"
    ]


def test_a_name_like_no_other_is_warned_of_without_a_hint():
    assert unknown_names({"AURA_XYZZY_QQQQQQQQQ": "x"}) == [
        "AURA_XYZZY_QQQQQQQQQ is not a setting and is ignored"
    ]


def test_warnings_come_in_order_and_never_show_a_value():
    warnings = unknown_names({"AURA_ZZZ_TOKEN": "hunter2", "AURA_AAA_TOKEN": "hunter2"})
    assert [warning.split()[0] for warning in warnings] == ["AURA_AAA_TOKEN", "AURA_ZZZ_TOKEN"]
    assert "hunter2" not in "".join(warnings)


def test_an_empty_text_is_as_good_as_unset(monkeypatch):
    for name in ("AURA_SERVER_PORT", "AURA_LLM_MODEL", "AURA_GIT_SSH_KEY_FILE"):
        monkeypatch.setenv(name, "")
    settings = load()
    assert (settings.server_port, settings.llm_model) == (3000, "")
    assert settings.git_ssh_key_file is None


def test_hosts_and_networks_may_be_mixed(environment):
    environment(AURA_AUTH="off", AURA_OUTBOUND_ALLOW="Hooks.internal, 10.0.0.0/8,cafe.de,::1")
    allowed = [str(one) for one in load().outbound_allow]
    assert allowed == ["hooks.internal", "10.0.0.0/8", "cafe.de", "::1/128"]


def test_our_kubeconfig_counts_before_the_one_of_kubectl(monkeypatch):
    monkeypatch.delenv("AURA_KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBECONFIG", "/home/me/.kube/config:/etc/other")
    assert load().kubeconfig == "/home/me/.kube/config:/etc/other"
    monkeypatch.setenv("AURA_KUBECONFIG", "/etc/aura/kubeconfig")
    assert load().kubeconfig == "/etc/aura/kubeconfig"
    assert unknown_names({"AURA_KUBECONFIG": "x", "AURA_K8S_CONTEXT": "y"}) == []


def test_the_rules_for_manifests_are_lists_of_known_names(environment):
    environment(
        AURA_K8S_VERSION="1.33",
        AURA_MANIFEST_REFUSE="image, limits",
        AURA_MANIFEST_FORBIDDEN_KINDS="ClusterRole",
    )
    settings = load()
    assert (settings.k8s_version, settings.manifest_refuse) == ("1.33", ("image", "limits"))
    assert settings.manifest_forbidden_kinds == ("ClusterRole",)
    environment(AURA_MANIFEST_REFUSE="none")
    assert load().manifest_refuse == ("none",)


def test_a_rule_a_release_or_an_image_that_is_none_is_refused(environment):
    environment(
        AURA_MANIFEST_REFUSE="images", AURA_K8S_VERSION="v1.33", AURA_K8S_DEBUG_IMAGE="-v /:/host"
    )
    said = "\n".join(complaints())
    for name in ("AURA_MANIFEST_REFUSE", "AURA_K8S_VERSION", "AURA_K8S_DEBUG_IMAGE"):
        assert name in said
