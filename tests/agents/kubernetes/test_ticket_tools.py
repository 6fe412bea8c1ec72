"""The cluster tools of tickets: any kind by kubectl's names, programs in containers, jobs."""

from __future__ import annotations

import json
import threading
import time

import pytest

from agents.kubernetes.ticket_tools import cluster_tools
from agents.runtime.interrupt import Interrupt, Interrupted, held_by
from agents.runtime.tool import ToolFailure
from governance.types import ActionClass
from tests.agents.kubernetes import exec_server
from tests.agents.kubernetes.exec_server import END, ERR, OUT, ended
from tests.agents.kubernetes.objects import deploy, pod
from tests.agents.kubernetes.servers import kubeconfig, serving

SECRET = """
apiVersion: v1
kind: Secret
metadata:
  name: db
  namespace: {}
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: '{{"data": {{"password": "aHVudGVyMg=="}}}}'
data: {{password: aHVudGVyMg==}}
"""


def test_only_what_runs_something_needs_an_approval():
    classes = {tool.name: tool.action_class for tool in cluster_tools()}

    looks = {name for name, said in classes.items() if said is ActionClass.READ}
    assert looks == {
        "triage_namespace",
        "kubectl_get",
        "kubectl_describe",
        "kubectl_logs",
        "kubectl_events",
        "kubectl_top",
    }
    assert classes["kubectl_exec"] is classes["kubectl_run_job"] is ActionClass.DESTRUCTIVE


@pytest.mark.real_cluster
def test_a_secret_shows_its_keys_and_never_its_values(desk, running, namespace):
    running.apply(SECRET.format(namespace))

    one = desk.run("kubectl_get", resource="secret", name="db", namespace=namespace)
    listed = desk.run("kubectl_get", resource="secrets", namespace=namespace)
    told = desk.run("kubectl_describe", resource="Secret", name="db", namespace=namespace)

    assert one.data["object"]["data"] == {"password": "<7 bytes>"}
    assert listed.data["items"][0]["data"] == {"password": "<7 bytes>"}
    for result in (one, listed, told):
        assert "aHVudGVyMg" not in result.content + json.dumps(result.data)
        assert "hunter2" not in result.content
        assert "last-applied" not in result.content
    assert "password: <7 bytes>" in told.content


@pytest.mark.real_cluster
def test_a_config_map_is_shown_without_what_looks_like_a_credential(desk, running, namespace):
    running.apply(f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: app, namespace: {namespace}}}
data: {{COLOUR: blue, DB_PASSWORD: hunter2hunter2, long: "{"x" * 5000}"}}
""")

    data = desk.run("kubectl_get", resource="cm", name="app", namespace=namespace).data["object"]

    assert data["data"]["COLOUR"] == "blue"
    assert data["data"]["DB_PASSWORD"] == "[redacted:password]"
    assert data["data"]["long"].endswith("[1000 more characters]")


@pytest.mark.parametrize(
    "resource", ["deploy", "deployment", "Deployments", "deployments.apps", "deployments.v1.apps"]
)
@pytest.mark.real_cluster
def test_a_kind_goes_by_each_of_its_names(desk, running, namespace, resource):
    deploy(running, "web", namespace)

    found = desk.run("kubectl_get", resource=resource, name="web", namespace=namespace)

    assert found.data["object"]["kind"] == "Deployment"


def test_a_kind_that_we_do_not_know_is_asked_for_by_its_group(desk, running, namespace):
    running.apply("""
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
""")
    found = desk.run("kubectl_get", resource="widgets.example.com", namespace=namespace)

    assert found.data == {"items": [], "count": 0}
    with pytest.raises(ToolFailure, match=r"The cluster has no kind 'gadgets\.example\.com'"):
        desk.run("kubectl_get", resource="gadgets.example.com", namespace=namespace)
    with pytest.raises(ToolFailure, match="The cluster has no kind 'gadgets'"):
        desk.run("kubectl_get", resource="gadgets", namespace=namespace)


def test_of_many_objects_some_are_whole_and_the_others_named(desk, running, namespace):
    for number in range(120):
        running.seed(pod(f"web-{number:03}", namespace))

    result = desk.run("kubectl_get", resource="pods", namespace=namespace)

    assert result.data["count"] == 120
    whole = len(result.data["items"])
    assert 10 < whole < 120
    assert len(result.data["names"]) == 120 - whole
    assert len(result.content) < 80_000
    assert f"{whole} of 120 objects are whole" in result.data["message"]


def test_logs_events_and_use_by_kubectls_names(desk, running, namespace):
    deploy(running, "web", namespace)
    name = running.list("Pod", namespace)[0]["metadata"]["name"]
    running.log(name, "one", "two", namespace=namespace)

    log = desk.run("kubectl_logs", pod=name, namespace=namespace, tail=1)
    events = desk.run("kubectl_events", namespace=namespace, involved=name)
    top = desk.run("kubectl_top", kind="pods", namespace=namespace)

    assert log.content == "two"
    assert "Started" in {it["reason"] for it in events.data["events"]}
    assert [it["name"] for it in top.data["pods"]] == [name]
    assert top.data["pods"][0]["memory"] != "0Mi"


def test_nodes_are_judged_as_the_cluster_and_pods_as_their_namespace(desk, configure):
    configure(k8s_context="aura-sandbox-viewer")
    tools = {tool.name: tool for tool in cluster_tools()}

    def judged(tool, **arguments):
        found = tools[tool].resource(tools[tool].parameters.model_validate(arguments))
        return found.name, found.namespace

    assert judged("kubectl_get", resource="nodes") == ("aura-sandbox-viewer", "")
    assert judged("kubectl_get", resource="pods") == ("aura-sandbox-viewer", "")
    assert judged("kubectl_get", resource="pods", namespace="shop") == ("shop", "shop")
    assert judged("kubectl_top", kind="nodes", namespace="shop") == ("aura-sandbox-viewer", "")
    assert judged("kubectl_logs", pod="p") == ("default", "default")


def test_tickets_may_be_kept_to_one_namespace(desk, running, configure, namespace):
    running.seed(pod("web-1", namespace))
    configure(k8s_namespace=namespace)

    mine = desk.run("kubectl_get", resource="pods")

    assert [it["metadata"]["name"] for it in mine.data["items"]] == ["web-1"]
    for elsewhere in ("kube-system", "orders"):
        with pytest.raises(
            ToolFailure, match=f"access denied: tickets work in .*{namespace} alone"
        ):
            desk.run("kubectl_get", resource="pods", namespace=elsewhere)
        with pytest.raises(ToolFailure, match="access denied"):
            desk.run("kubectl_logs", pod="p", namespace=elsewhere)


# --- kubectl_exec ---


@pytest.fixture
def exec_in(desk, configure, tmp_path):
    """Runs a program of ours in the container of a pod."""

    def run(program, command=("ls", "-l"), **more):
        asked: list[list[tuple[str, str]]] = []
        with serving(exec_server.running(program, asked)) as server:
            configure(kubeconfig=kubeconfig(tmp_path / "kubeconfig", f"http://{server}"))
            arguments = {"pod": "web-1", "namespace": "shop", "command": list(command), **more}
            return desk.change("kubectl_exec", **arguments), asked

    return run


def test_a_command_is_passed_word_by_word_and_answers_with_its_code(exec_in):
    command = ("sh", "-c", "echo 'a b' && rm -rf $HOME; x=\"1\"&command=ls")

    def program(send):
        send(OUT, b"out\n")
        send(ERR, b"password=hunter2hunter2\n")
        send(END, ended(3))

    result, asked = exec_in(program, command)

    assert [value for key, value in asked[0] if key == "command"] == list(command)
    assert ("container", "web") in asked[0]
    assert ("stdin", "false") in asked[0]
    assert result.data["exitCode"] == 3
    assert result.data["stdout"] == "out\n"
    assert result.data["stderr"] == "password=[redacted:password]\n"
    assert result.content.endswith("exit code 3")


def test_what_ends_well_has_the_code_0(exec_in):
    result, _ = exec_in(lambda send: send(END, ended(0)))

    assert result.data["exitCode"] == 0


def test_a_program_that_cannot_be_run_says_so(exec_in):
    said = {"status": "Failure", "message": 'exec: "lz": executable file not found in $PATH'}

    result, _ = exec_in(lambda send: send(END, json.dumps(said).encode()))

    assert result.data["exitCode"] is None
    assert "it could not be run: exec: " in result.content


def test_a_connection_that_breaks_off_is_no_end(exec_in):
    result, _ = exec_in(lambda send: send(OUT, b"half"))

    assert result.data["exitCode"] is None
    assert "[the connection broke off; how the command ended is not known]" in result.content


def test_a_program_that_never_stops_talking_is_cut(exec_in):
    def program(send):
        while True:
            send(OUT, b"y\n" * 1000)

    began = time.monotonic()
    result, _ = exec_in(program)

    assert time.monotonic() - began < 15  # it is left at once, not when its 30 s are up
    assert len(result.data["stdout"]) == 64 << 10
    assert result.data["cut"] is True
    assert "[cut: only 64 KB of each stream are kept" in result.content


def test_a_program_that_never_ends_is_left_when_time_is_up(exec_in):
    over = threading.Event()

    def program(send):
        send(OUT, b"started\n")
        over.wait(60)

    said = ""
    for limit_s in (1, 10):  # a machine may stall before the first word
        began = time.monotonic()
        result, _ = exec_in(program, timeout_seconds=limit_s)
        assert time.monotonic() - began < 40
        assert result.data["exitCode"] is None
        assert f"did not end within {limit_s} s; it may still run" in result.content
        if said := result.data["stdout"]:
            break
    over.set()

    assert said == "started\n"


def test_a_program_is_left_when_its_run_is_stopped(exec_in):
    interrupt, over = Interrupt(), threading.Event()

    def program(send):
        send(OUT, b"started\n")
        interrupt.set()
        over.wait(60)

    with held_by(interrupt), pytest.raises(Interrupted):
        exec_in(program, timeout_seconds=30)
    over.set()


def test_nothing_is_run_in_a_container_that_does_not_run(desk, running, namespace):
    waiting = {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    running.seed(pod("web-1", namespace, status={"containerStatuses": [waiting]}))

    with pytest.raises(ToolFailure, match="Nothing can run in container web: it is waiting: Image"):
        desk.inspect("kubectl_exec", pod="web-1", namespace=namespace, command=["ls"])


def test_a_cluster_that_refuses_the_websocket_is_told_plainly(desk, running, namespace):
    deploy(running, "web", namespace)
    name = running.list("Pod", namespace)[0]["metadata"]["name"]

    with pytest.raises(ToolFailure, match=r"^The cluster does not offer this: pods/exec"):
        desk.change("kubectl_exec", pod=name, namespace=namespace, command=["ls"])


# --- kubectl_run_job ---

JOB = {"name": "hello", "image": "busybox:1.36", "command": ["echo", "hi"]}


def test_a_job_is_run_to_its_end_with_its_log(desk, running, namespace):
    seen = desk.inspect("kubectl_run_job", namespace=namespace, **JOB)
    assert running.list("Job", namespace) == []

    result = desk.run("kubectl_run_job", namespace=namespace, **JOB)

    (job,) = running.list("Job", namespace)
    assert "image busybox:1.36:\n['echo', 'hi']" in seen.plan
    assert result.data["status"] == "Complete"
    assert result.data["job"] == job["metadata"]["name"] == f"hello-{desk.context.call_id[:8]}"
    assert "starting job" in result.data["log"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 600
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["automountServiceAccountToken"] is False


@pytest.mark.real_cluster
def test_the_same_call_makes_one_job(desk, running, namespace):
    absent = desk.probe("kubectl_run_job", namespace=namespace, **JOB)
    desk.run("kubectl_run_job", namespace=namespace, **JOB)

    again = desk.run("kubectl_run_job", namespace=namespace, **JOB)
    found = desk.probe("kubectl_run_job", namespace=namespace, **JOB)

    assert absent is None
    assert again.data["job"] == found.data["job"]
    assert len(running.list("Job", namespace)) == 1


def test_a_job_that_the_cluster_would_refuse_is_refused_before_anybody_is_asked(
    desk, configure, namespace
):
    configure(k8s_context="aura-sandbox-viewer")

    with pytest.raises(ToolFailure, match="RBAC forbids it: viewer may not create jobs"):
        desk.inspect("kubectl_run_job", namespace=namespace, **JOB)
