"""What is refused before a commit, and what is not."""

from __future__ import annotations

import time
from base64 import b64encode

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.gitops import strictyaml
from agents.gitops.checks import Issue, check_files, errors
from agents.gitops.policy import Policy
from agents.gitops.quantities import quantity
from tests.agents.gitops.support import DEPLOYMENT

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: http}]
"""


def rules(text: str, path: str = "apps/web.yaml") -> list[tuple[str, str, int | None]]:
    return [(issue.severity, issue.rule, issue.line) for issue in check_files({path: text})]


def only(text: str, path: str = "apps/web.yaml") -> Issue:
    issues = check_files({path: text})
    assert len(issues) == 1, issues
    return issues[0]


def with_container(lines: str) -> str:
    """The deployment with further lines of its container, which begin at line 18."""
    return DEPLOYMENT + "".join(f"          {line}\n" for line in lines.splitlines())


def test_a_sound_deployment_has_no_issues() -> None:
    assert check_files({"apps/web.yaml": DEPLOYMENT, "apps/service.yaml": SERVICE}) == []


# --- YAML -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ("a: [1\nb: 2\n", "yaml.parse", 2),
        ("a: 1\n  b: 2\n", "yaml.parse", 2),
        ("a:\n\t- 1\n", "yaml.parse", 2),
        ("a: 1\n---\nb: *nobody\n", "yaml.parse", 3),
        ("a: {{ .Values.x }}\n", "yaml.parse", 1),
        ("? [a]\n: b\n", "yaml.parse", 1),
        ("a: \x07\n", "yaml.parse", None),
        ("a: 1\nb: 2\na: 3\n", "yaml.duplicate-key", 3),
        ("a:\n  - {x: 1, y: 2, x: 3}\n", "yaml.duplicate-key", 2),
        ("yes: 1\ntrue: 2\n", "yaml.duplicate-key", 2),
        ("a: &a [*a]\n", "yaml.limits", 1),
        ("[" * 5000, "yaml.limits", 1),
        ("- " * 5000 + "x", "yaml.limits", 1),
        ("&a x: *a\n" + "".join(f"k{i}: *a\n" for i in range(120)), "yaml.limits", 101),
    ],
    ids=lambda value: str(value)[:16],
)
def test_what_a_strict_reader_refuses(text: str, rule: str, line: int | None) -> None:
    issue = only(text)
    assert (issue.severity, issue.rule, issue.line) == ("error", rule, line)


def test_an_alias_bomb_is_refused_at_once_and_in_little_memory() -> None:
    bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 9)
    )
    start = time.process_time()
    assert only(bomb).rule == "yaml.limits"
    assert time.process_time() - start < 0.2


def test_a_few_aliases_and_merges_are_fine_and_the_nearer_key_wins() -> None:
    text = "base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: *b\n"
    assert rules(text) == []
    (document,) = strictyaml.load_all(text)
    assert document.value["one"] == {"x": 1, "y": 3}


def test_several_documents_are_all_read() -> None:
    text = f"{DEPLOYMENT}---\n---\n{SERVICE.replace('app: web', 'app: other')}"
    assert rules(text) == [("error", "kubernetes.selector", 25)]


def test_tags_are_not_run_and_dates_stay_text() -> None:
    text = "a: !!python/object/apply:os.system ['true']\nb: 2024-01-01\nc: !Ref x\nd: 2024-99-99\n"
    (document,) = strictyaml.load_all(text)
    assert document.value == {"a": ["true"], "b": "2024-01-01", "c": "x", "d": "2024-99-99"}


def test_a_number_of_many_digits_is_read_as_text() -> None:
    (document,) = strictyaml.load_all(f"a: {'1' * 10_000}\n")
    assert document.value == {"a": "1" * 10_000}


# Without the signs that the writer itself gets wrong.
words = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=8)
yaml_values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=4),
    max_leaves=12,
)


@given(yaml_values)
def test_what_the_usual_writer_writes_is_read_back(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True)
    assert [document.value for document in strictyaml.load_all(text)] == [value]


@given(st.text(alphabet="a:- &*[]{}<>|'\"\n#!?%@,1\t", max_size=60))
def test_no_text_makes_the_checks_fail_themselves(text: str) -> None:
    names = ("a.yaml", "kustomization.yaml", "values.yaml", "b.json")
    check_files(dict.fromkeys(names, text))


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.sampled_from(["apiVersion", "kind", "metadata", "spec", "data"]), yaml_values
    )
)
def test_no_object_makes_the_checks_fail_themselves(value: dict[str, object]) -> None:
    for kind in ("Deployment", "CronJob", "Service", "Secret", "List"):
        text = yaml.safe_dump({"apiVersion": "v1", **value, "kind": kind})
        check_files({"a.yaml": text, "values.yaml": text}, policy=Policy(limits=True))


# --- JSON -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "rule", "line"),
    [
        ('{"a": 1,}', "json.parse", 1),
        ('{\n"a": 1\n', "json.parse", 3),
        ('{"a": 1, "a": 2}', "json.duplicate-key", None),
        ("[" * 100_000, "json.limits", None),
    ],
    ids=lambda value: str(value)[:16],
)
def test_json_must_parse(text: str, rule: str, line: int | None) -> None:
    issue = only(text, "a.json")
    assert (issue.rule, issue.line) == (rule, line)


def test_json_with_comments_is_left_to_its_owners() -> None:
    assert rules("// note\n{}", "tsconfig.json") == []


def test_an_object_written_in_json_is_checked_as_well() -> None:
    text = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x", "namespace": "y"}}'
    assert [rule for _, rule, _ in rules(text, "pod.json")] == ["kubernetes.containers"]


# --- Kubernetes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("apiVersion: apps/v1", "x: 1", "kubernetes.shape", 1),
        ("kind: Deployment", "x: 1", "kubernetes.shape", 1),
        ("  name: web\n  namespace", "  namespace", "kubernetes.shape", 3),
        ("  name: web\n  n", "  name: Web_1\n  n", "kubernetes.name", 4),
        ("  name: web\n  n", "  name: -web\n  n", "kubernetes.name", 4),
        ("  name: web\n  n", f"  name: {'a' * 254}\n  n", "kubernetes.name", 4),
        ("namespace: shop", "namespace: Shop", "kubernetes.name", 5),
        ("replicas: 2", "replicas: -1", "kubernetes.replicas", 7),
        ("replicas: 2", "replicas: two", "kubernetes.replicas", 7),
        ("replicas: 2", "replicas: true", "kubernetes.replicas", 7),
        ("      app: web\n  template", "      app: api\n  template", "kubernetes.selector", 10),
        ("        app: web\n    spec", "        app: 1\n    spec", "kubernetes.text", 14),
        ("- name: web", "- x: web", "kubernetes.containers", 17),
        ("- name: web", "- name: Web", "kubernetes.name", 17),
        ("image: registry.example/web:1.4.2", "x: 1", "kubernetes.containers", 17),
        ("image: registry.example/web:1.4.2", "image: ''", "kubernetes.containers", 17),
    ],
)
def test_a_broken_deployment_is_refused(old: str, new: str, rule: str, line: int) -> None:
    assert old in DEPLOYMENT
    found = errors(check_files({"apps/web.yaml": DEPLOYMENT.replace(old, new, 1)}))
    assert (rule, line) in [(issue.rule, issue.line) for issue in found]


def test_a_deployment_without_a_selector_is_refused() -> None:
    text = DEPLOYMENT.replace("  selector:\n    matchLabels:\n      app: web\n", "")
    assert rules(text) == [("error", "kubernetes.selector", 6)]


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ("ports: [{containerPort: 0}]", "kubernetes.port"),
        ("ports: [{containerPort: 65536}]", "kubernetes.port"),
        ("ports: [{containerPort: '80'}]", "kubernetes.port"),
        ("ports: [{name: http}]", "kubernetes.port"),
        ("ports: [{containerPort: 80, hostPort: 70000}]", "kubernetes.port"),
        ("env: [{name: A, value: 1}]", "kubernetes.text"),
        ("env: [{name: A, value: no}]", "kubernetes.text"),
        ("env: [{value: a}]", "kubernetes.env"),
        ("resources: {requests: {cpu: 500q}}", "kubernetes.quantity"),
        ("resources: {limits: {memory: 1GB}}", "kubernetes.quantity"),
        ("resources: {limits: {memory: -1Gi}}", "kubernetes.quantity"),
        ("resources: {limits: {memory: [1]}}", "kubernetes.quantity"),
        ("resources: {requests: {cpu: 2}, limits: {cpu: 1500m}}", "kubernetes.quantity"),
    ],
)
def test_a_broken_container_is_refused(lines: str, rule: str) -> None:
    issue = only(with_container(lines))
    assert (issue.severity, issue.rule, issue.line) == ("error", rule, 19)


def test_two_containers_may_not_share_a_name_nor_with_an_init_container() -> None:
    twice = DEPLOYMENT + "        - {name: web, image: 'x:1'}\n"
    before = DEPLOYMENT + "      initContainers: [{name: web, image: 'x:1'}]\n"
    assert rules(twice) == [("error", "kubernetes.containers", 19)]
    assert rules(before) == [("error", "kubernetes.containers", 17)]


def test_a_pod_without_containers_is_refused() -> None:
    text = DEPLOYMENT[: DEPLOYMENT.index("      containers")] + "      containers: []\n"
    assert rules(text) == [("error", "kubernetes.containers", 15)]


def test_the_pod_of_a_cron_job_is_found() -> None:
    text = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x, namespace: y}\nspec:\n"
        "  jobTemplate: {spec: {template: {spec: {containers: [{name: a}]}}}}\n"
    )
    assert rules(text) == [("error", "kubernetes.containers", 5)]


@pytest.mark.parametrize("image", ["web", "web:latest", "registry.example:5000/web"])
def test_an_image_that_is_not_pinned_is_a_warning(image: str) -> None:
    issue = only(DEPLOYMENT.replace("registry.example/web:1.4.2", image))
    assert (issue.severity, issue.rule, issue.line) == ("warning", "kubernetes.image", 18)


def test_an_image_by_digest_is_pinned() -> None:
    assert rules(DEPLOYMENT.replace("web:1.4.2", f"web@sha256:{'0a' * 32}")) == []


def test_doubts_are_warnings() -> None:
    assert rules(DEPLOYMENT.replace("  namespace: shop\n", "")) == [
        ("warning", "kubernetes.namespace", 3)
    ]
    assert rules("apiVersion: example.com/v1beta1\nkind: X\nmetadata: {name: x}\n") == [
        ("warning", "kubernetes.version", 1)
    ]
    assert rules(with_container("resources: {limits: {memory: 512m}}")) == [
        ("warning", "kubernetes.quantity", 19)
    ]


GENERATED_JOB = """\
apiVersion: batch/v1
kind: Job
metadata: {generateName: x-, namespace: y}
spec: {template: {spec: {containers: [{name: a, image: 'a:1'}]}}}
"""
KNATIVE_SERVICE = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: x, namespace: y}
spec: {template: {spec: {containers: [{image: 'a:1'}]}}}
"""


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: 'a:b'}",
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\n",
        "apiVersion: v2\nname: chart\nversion: 1.0.0\n",
        "apiVersion: 1\ndatasources: []\n",
        "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster\n",
        GENERATED_JOB,
        KNATIVE_SERVICE,
        "services: {web: {image: nginx}}\n",
        "- just\n- a list\n",
        "",
    ],
    ids=lambda text: text[:40],
)
def test_what_is_of_another_shape_is_left_alone(text: str) -> None:
    assert [rule for severity, rule, _ in rules(text) if severity == "error"] == []


def test_the_items_of_a_list_are_objects() -> None:
    indented = DEPLOYMENT.replace("\n", "\n    ").replace("replicas: 2", "replicas: -2")
    text = f"apiVersion: v1\nkind: List\nitems:\n  - {indented}"
    assert rules(text) == [("error", "kubernetes.replicas", 10)]


def test_a_service_must_select_the_pods_of_its_name() -> None:
    wrong = SERVICE.replace("app: web", "app: wbe")
    found = check_files({"apps/web.yaml": DEPLOYMENT, "apps/service.yaml": wrong})
    assert [(i.severity, i.rule, i.file, i.line) for i in found] == [
        ("error", "kubernetes.selector", "apps/service.yaml", 5)
    ]


def test_a_service_for_pods_that_cannot_be_seen_is_fine() -> None:
    other = SERVICE.replace("app: web", "app: db").replace("name: web", "name: db")
    assert check_files({"apps/web.yaml": DEPLOYMENT, "apps/service.yaml": other}) == []


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", "1"),
        ("500m", "0.5"),
        ("1.5Gi", "1610612736"),
        ("1e3", "1000"),
        ("2E", "2E18"),
        (".5", "0.5"),
    ],
)
def test_quantities_are_read_as_kubernetes_does(text: str, number: str) -> None:
    assert quantity(text) == pytest.approx(quantity(number))
    assert str(quantity("1Mi")) == "1048576"


@pytest.mark.parametrize("value", ["", "1 Gi", "Gi", "1GB", "1e", "0x1", "1_000", None, True, [1]])
def test_other_things_are_no_quantity(value: object) -> None:
    assert quantity(value) is None


# --- kustomize ------------------------------------------------------------------------------------


def kustomization(text: str, *others: str) -> list[str]:
    issues = check_files({"a/kustomization.yaml": text}, exists=set(others).__contains__)
    return [issue.message for issue in issues]


def test_what_a_kustomization_names_must_exist() -> None:
    text = (
        "resources:\n  - web.yaml\n  - ../base\n  - gone.yaml\npatches:\n  - path: no-patch.yaml\n"
    )
    issues = check_files(
        {"a/kustomization.yaml": text},
        exists={"a/web.yaml", "base/kustomization.yml"}.__contains__,
    )
    assert [(i.message, i.line) for i in issues] == [
        ("resources: there is no a/gone.yaml", 4),
        ("patches: there is no a/no-patch.yaml", 6),
    ]


def test_a_kustomization_may_not_leave_the_repository() -> None:
    assert kustomization("resources: [../../x.yaml, /etc/passwd]\n") == [
        "resources: ../x.yaml lies outside the repository",
        "resources: /etc/passwd lies outside the repository",
    ]


def test_remote_bases_and_inline_patches_are_not_looked_up() -> None:
    text = (
        "resources:\n  - https://example.org/x.yaml\n  - github.com/team/repo//base?ref=v1\n"
        "patchesStrategicMerge:\n  - |-\n    apiVersion: v1\n    kind: X\n"
        "configMapGenerator:\n  - name: x\n    files: [key=conf.ini]\n"
    )
    assert kustomization(text, "a/conf.ini") == []


def test_secret_literals_of_a_kustomization_are_refused() -> None:
    text = "secretGenerator:\n  - name: x\n    literals: [mode=fast]\n"
    assert errors(check_files({"kustomization.yaml": text}))[0].rule == "secrets.clear"


def test_deleting_a_file_that_an_unchanged_kustomization_names_is_refused() -> None:
    texts = {"a/kustomization.yaml": "resources:\n  - web.yaml\n  - gone.yaml\n"}
    issues = check_files({}, exists=texts.__contains__, read=texts.get, removed=["a/web.yaml"])
    assert [(i.file, i.line) for i in issues] == [("a/kustomization.yaml", 2)]


def test_a_patch_is_a_part_and_need_not_be_whole() -> None:
    patch = (
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"
        "spec: {template: {spec: {containers: [{name: web, env: []}]}}}\n"
    )
    texts = {"a/kustomization.yaml": "resources: [web.yaml]\npatches: [{path: patch.yaml}]\n"}
    found = check_files({"a/patch.yaml": patch}, exists=texts.__contains__, read=texts.get)
    assert found == []


def test_a_resource_of_a_kustomization_is_checked_but_may_lack_a_namespace() -> None:
    text = DEPLOYMENT.replace("  namespace: shop\n", "").replace("replicas: 2", "replicas: -2")
    texts = {"a/kustomization.yaml": "resources: [web.yaml]\n"}
    found = check_files({"a/web.yaml": text}, exists=texts.__contains__, read=texts.get)
    assert [issue.rule for issue in found] == ["kubernetes.replicas"]


def test_an_object_that_its_kustomization_does_not_name_is_a_doubt() -> None:
    text = DEPLOYMENT.replace("replicas: 2", "replicas: -2")
    texts = {"a/kustomization.yaml": "resources: [web.yaml]\n"}
    for path, expected in (
        ("a/new.yaml", [("warning", "kustomize.unnamed"), ("warning", "kubernetes.replicas")]),
        ("a/deep/new.yaml", [("error", "kubernetes.replicas")]),
    ):
        found = check_files({path: text}, exists=texts.__contains__, read=texts.get)
        assert [(issue.severity, issue.rule) for issue in found] == expected


# --- Helm -----------------------------------------------------------------------------------------

TEMPLATE = (
    "{{- if .Values.on }}\nkind: {{ .Values.kind }}\npassword: {{ .Values.pw }}\n{{- end }}\n"
)


def test_a_template_of_a_chart_is_scanned_for_secrets_alone() -> None:
    chart = {"charts/x/Chart.yaml"}.__contains__
    path = "charts/x/templates/sub/web.yaml"
    assert check_files({path: TEMPLATE}, exists=chart) == []
    found = check_files({path: TEMPLATE + "password: hunter2\n"}, exists=chart)
    assert [(issue.rule, issue.line) for issue in found] == [("secrets.password", 5)]


def test_a_directory_called_templates_without_a_chart_holds_yaml() -> None:
    assert [rule for _, rule, _ in rules(TEMPLATE, "x/templates/web.yaml")] == ["yaml.parse"]


# --- secrets --------------------------------------------------------------------------------------

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: db, namespace: shop}\n"


@pytest.mark.parametrize(
    "body", ["data: {mode: ZmFzdA==}\n", "stringData: {mode: fast}\n", "data: x\n"]
)
def test_a_secret_in_clear_is_refused_whatever_it_holds(body: str) -> None:
    assert ("error", "kubernetes.secret", 4) in rules(SECRET + body)


@pytest.mark.parametrize(
    "text",
    [
        SECRET + "type: kubernetes.io/service-account-token\n",
        SECRET + "stringData: {password: '<path:secret/data/db#password>'}\n",
        SECRET + "stringData: {password: 'ENC[AES256_GCM,data:x,iv:y,type:str]'}\n",
        SECRET.replace("v1", "bitnami.com/v1alpha1").replace("Secret", "SealedSecret")
        + f"spec:\n  encryptedData:\n    password: {'Ag' + 'B' + 'x' * 700}\n",
        with_container(
            "env:\n- name: DB_PASSWORD\n  valueFrom:\n    secretKeyRef: {name: db, key: password}"
        ),
    ],
    ids=["empty", "placeholder", "sops", "sealed", "reference"],
)
def test_a_secret_that_is_not_in_clear_is_fine(text: str) -> None:
    assert rules(text) == []


def test_a_credential_in_any_file_is_refused_without_being_repeated() -> None:
    token = "gh" + "p_" + "a1B2" * 9
    for path in ("README.md", "scripts/run.sh", "apps/web.yaml"):
        issue = only(f"# {token}\n", path)
        assert (issue.severity, issue.rule, issue.line) == ("error", "secrets.github_token", 1)
        assert token not in str(issue)


def test_a_credential_behind_base64_is_found() -> None:
    value = b64encode(b"[default]\npassword = hunter2\n").decode()
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: y}\n"
    assert rules(f"{head}binaryData:\n  a: {value}\n") == [("error", "secrets.password", 5)]


def test_a_password_in_a_container_is_refused() -> None:
    text = with_container("env:\n- name: DB_PASSWORD\n  value: hunter2")
    assert rules(text) == [("error", "secrets.password", 21)]


# --- the whole ------------------------------------------------------------------------------------


def test_issues_are_sorted_and_have_the_shape_of_the_wire() -> None:
    issues = check_files({"b.yaml": "a: [", "a.yaml": "a: 1\na: 2\n"})
    assert [issue.file for issue in issues] == ["a.yaml", "b.yaml"]
    assert issues[0].as_json() == {
        "severity": "error",
        "message": "the key 'a' is there twice; the second would win",
        "file": "a.yaml",
        "line": 2,
        "rule": "yaml.duplicate-key",
    }
    assert str(issues[0]).startswith("a.yaml:2: the key")


def test_a_large_bundle_is_checked_in_seconds() -> None:
    text = "---\n".join(DEPLOYMENT.replace("name: web", f"name: web{i}", 1) for i in range(100))
    start = time.process_time()
    assert check_files({"apps/all.yaml": text}) == []
    assert time.process_time() - start < 3
