"""Files of containers, kernel messages of nodes, namespaces and config maps."""

from __future__ import annotations

import json
import subprocess
from contextlib import ExitStack
from typing import Any

import pytest
from pydantic import ValidationError

from agents.runtime.tool import ToolFailure
from governance.types import ActionClass
from tests.agents.kubernetes import exec_server
from tests.agents.kubernetes.conftest import TOOLS
from tests.agents.kubernetes.exec_server import END, ERR, OUT, ended
from tests.agents.kubernetes.objects import pod
from tests.agents.kubernetes.servers import kubeconfig, serving

HERE = {"namespace": "shop", "pod_name": "web-1"}


@pytest.fixture
def reading(desk, configure, tmp_path):
    """Answers `tail` with a program of the test's; gives the words that were asked for."""
    with ExitStack() as stack:

        def answer(program, spec=None):
            asked: list[list[tuple[str, str]]] = []
            host = stack.enter_context(serving(exec_server.running(program, asked, spec)))
            token = "sesame-open-sesame"
            file = kubeconfig(tmp_path / "kubeconfig", f"http://{host}", token=token)
            configure(kubeconfig=file)
            return asked

        yield answer


def test_reading_a_file_starts_a_program_so_it_is_no_mere_look():
    for name in ("read_pod_file", "debug_node_dmesg"):
        assert TOOLS[name].action_class is ActionClass.WRITE
        assert TOOLS[name].inspect is not None


def test_the_end_of_a_file_is_shown_without_credentials(desk, reading):
    def program(send):
        send(OUT, b"/etc/nginx/nginx.conf\n\nlisten 80;\npassword=hunter2hunter2\n")
        send(END, ended(0))

    asked = reading(program)
    result = desk.change("read_pod_file", **HERE, path="/etc/nginx/../nginx/nginx.conf")

    words = [value for key, value in asked[0] if key == "command"]
    assert words[:2] == ["sh", "-c"]
    assert words[3:] == ["sh", "/etc/nginx/nginx.conf", "200"]
    assert result.content.startswith("listen 80;")
    assert "hunter2" not in result.content + json.dumps(result.data)
    assert (result.data["lines"], result.data["cut"]) == (2, False)
    assert result.data["path"] == "/etc/nginx/nginx.conf"


def test_a_file_that_is_not_there_is_said_in_the_words_of_tail(desk, reading):
    def program(send):
        send(ERR, b"tail: can't open '/x': No such file or directory\n")
        send(END, ended(1))

    reading(program)
    with pytest.raises(ToolFailure, match="No such file or directory"):
        desk.change("read_pod_file", **HERE, path="/x")


def test_a_large_file_is_cut(desk, reading):
    def program(send):
        send(OUT, b"/var/log/app.log\n\n")
        for _ in range(40):
            send(OUT, b"x" * 4000)
        send(END, ended(0))

    reading(program)
    result = desk.change("read_pod_file", **HERE, path="/var/log/app.log")
    assert result.data["cut"] is True
    assert len(result.data["content"]) <= 64 << 10
    assert "cut after 64 KB" in result.content


@pytest.mark.parametrize(
    "path",
    [
        "/proc/1/environ",
        "/var/run/secrets/kubernetes.io/serviceaccount/token",
        "/srv/../proc/self/environ",
        "//proc/1/environ",
        "//var/run//secrets/kubernetes.io/serviceaccount/token",
        "/sys/kernel",
        "/etc/shadow",
    ],
)
def test_places_of_credentials_are_refused_before_anybody_is_asked(desk, reading, path):
    asked = reading(lambda send: send(END, ended(0)))
    with pytest.raises(ToolFailure, match="it is not read"):
        desk.inspect("read_pod_file", **HERE, path=path)
    assert asked == []


def test_a_mounted_secret_is_refused_wherever_it_is_mounted(desk, running, namespace):
    found = pod("web-1", namespace)
    found["spec"]["volumes"] = [
        {"name": "key", "secret": {"secretName": "tls"}},
        {"name": "plain", "emptyDir": {}},
    ]
    found["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "key", "mountPath": "/app/keys/"},
        {"name": "plain", "mountPath": "/data"},
    ]
    found["metadata"].setdefault("annotations", {})["sandbox.aura.dev/unmanaged"] = "true"
    running.seed(found)
    said = {"namespace": namespace, "pod_name": "web-1"}
    with pytest.raises(ToolFailure, match="/app/keys may hold credentials"):
        desk.inspect("read_pod_file", **said, path="/app/keys/tls.key")
    assert "/data/x" in desk.inspect("read_pod_file", **said, path="/data/x").plan


@pytest.fixture
def container(reading, tmp_path):
    """A container whose files are this machine's and whose shell is its own: a Secret is mounted
    at `<tmp>/run/keys`, as the pod says by way of a link `<tmp>/var-run`; gives the folder.
    """
    folder = tmp_path.resolve()
    (folder / "run/keys").mkdir(parents=True)
    (folder / "run/keys/tls.key").write_text("the key")
    (folder / "var-run").symlink_to(folder / "run")
    asked: list[Any] = []

    def program(send):
        words = [value for key, value in asked[-1] if key == "command"]
        done = subprocess.run(words, capture_output=True, check=False)  # noqa: S603 - of the tool
        send(OUT, done.stdout) if done.stdout else None
        send(ERR, done.stderr) if done.stderr else None
        send(END, ended(done.returncode))

    mount = {"name": "key", "mountPath": str(folder / "var-run/keys")}
    named = pod("web-1", "shop")["spec"]["containers"][0]
    asked = reading(
        program,
        {
            "volumes": [{"name": "key", "secret": {"secretName": "tls"}}],
            "containers": [{**named, "volumeMounts": [mount]}],
        },
    )
    return folder


def test_a_file_is_read_where_links_lead(desk, container):
    (container / "new.conf").write_text("".join(f"line {n}\n" for n in range(5)))
    (container / "app.conf").symlink_to("new.conf")
    result = desk.change("read_pod_file", **HERE, path=str(container / "app.conf"), tail_lines=2)
    assert result.content == "line 3\nline 4"
    assert result.data["path"] == str(container / "new.conf")


@pytest.mark.parametrize(
    "target", ["/proc/self/environ", "/proc/self/root/etc/shadow", "/dev/null"]
)
def test_a_link_to_a_closed_place_is_refused_and_nothing_of_it_shown(desk, container, target):
    (container / "app.log").symlink_to(target)
    with pytest.raises(ToolFailure, match=r"it is not read|Permission denied") as refused:
        desk.change("read_pod_file", **HERE, path=str(container / "app.log"))
    assert "PATH=" not in str(refused.value)
    assert "root:" not in str(refused.value)


@pytest.mark.parametrize(
    "path", ["app.log", "run/keys/tls.key", "var-run/keys/tls.key", "all/run/keys/tls.key"]
)
def test_a_mounted_secret_is_refused_by_every_way_to_it(desk, container, path):
    (container / "app.log").symlink_to("run/keys/tls.key")
    (container / "all").symlink_to(".")
    with pytest.raises(ToolFailure, match="it is not read") as refused:
        desk.change("read_pod_file", **HERE, path=str(container / path))
    assert "the key" not in str(refused.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ([(END, ended(0))], "cannot be told from a Secret"),
        ([(OUT, b"the content alone\n"), (END, ended(0))], "cannot be told from a Secret"),
        ([(OUT, b"pipe:[17]\n\nthe content"), (END, ended(0))], "is no file"),
        ([(ERR, b"sh: readlink: not found\n"), (END, ended(127))], "readlink: not found"),
        (
            [(END, b'{"status": "Failure", "message": "exec: sh: not found in $PATH"}')],
            "it could not be run: exec: sh: not found",
        ),
    ],
)
def test_where_the_container_cannot_say_where_a_file_is_nothing_is_read(desk, reading, said, words):
    reading(lambda send: [send(*piece) for piece in said])
    with pytest.raises(ToolFailure, match=words) as refused:
        desk.change("read_pod_file", **HERE, path="/var/log/app.log")
    assert "the content" not in str(refused.value)


@pytest.mark.parametrize("path", ["etc/passwd", "", "/", "/a\nb", "/a\x00"])
def test_a_path_that_is_none_is_refused(path):
    with pytest.raises(ValidationError):
        TOOLS["read_pod_file"].parameters.model_validate({**HERE, "path": path})


# --- nodes ----------------------------------------------------------------------------------------


@pytest.mark.real_cluster
def test_kernel_messages_are_read_by_a_job_on_that_node(desk, running, namespace):
    node = running.list("Node", None)[0]["metadata"]["name"]

    seen = desk.inspect("debug_node_dmesg", node_name=node, namespace=namespace)
    assert running.list("Job", namespace) == []
    assert f"dmesg on node {node}" in seen.plan
    assert "busybox:1.37" in seen.plan

    result = desk.run("debug_node_dmesg", node_name=node, namespace=namespace)
    assert result.data["verify_status"] == "ok"
    (job,) = running.list("Job", namespace)
    said = job["spec"]["template"]["spec"]
    assert said["nodeName"] == node
    assert said["automountServiceAccountToken"] is False
    assert "hostPath" not in json.dumps(said)
    assert said["containers"][0]["securityContext"]["capabilities"] == {
        "drop": ["ALL"],
        "add": ["SYSLOG"],
    }


@pytest.mark.real_cluster
def test_after_a_crash_the_job_of_the_call_is_found(desk, running, namespace):
    node = running.list("Node", None)[0]["metadata"]["name"]
    said = {"node_name": node, "namespace": namespace}
    assert desk.probe("debug_node_dmesg", **said) is None
    desk.run("debug_node_dmesg", **said)
    again = desk.probe("debug_node_dmesg", **said)
    assert again is not None
    assert again.data["status"] == "Complete"


@pytest.mark.real_cluster
def test_a_node_that_is_not_there_is_refused(desk, namespace):
    with pytest.raises(ToolFailure, match="nowhere"):
        desk.inspect("debug_node_dmesg", node_name="nowhere", namespace=namespace)


def test_the_namespace_of_the_job_is_judged_with_the_cluster(desk, register):
    register(
        {
            "k8s_clusters": {"main": {"context": "sandbox", "tags": ["europe"]}},
            "db_servers": {
                "shop-db": {
                    "connection_string": "host=db.example dbname=shop",
                    "k8s_cluster": "main",
                    "k8s_namespace": "shop",
                    "tags": ["production"],
                    "sensitivity": ["pii"],
                }
            },
        }
    )
    tool = TOOLS["debug_node_dmesg"]
    for namespace in ("shop", "shop-db"):
        said = {"node_name": "node-1", "namespace": namespace}
        judged = tool.resource(tool.parameters.model_validate(said))
        assert (judged.name, judged.namespace) == ("main", "shop")
        assert judged.tags == frozenset({"inventory", "europe", "production"})
        assert judged.sensitivity == frozenset({"pii"})
    usual = tool.resource(tool.parameters.model_validate({"node_name": "node-1"}))
    assert (usual.namespace, usual.tags) == ("default", frozenset({"inventory", "europe"}))
    for unfit in ("all", "../shop"):
        wrong = tool.parameters.model_validate({"node_name": "node-1", "namespace": unfit})
        with pytest.raises(ToolFailure):
            tool.resource(wrong)


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.real_cluster
def test_namespaces_are_listed(desk, namespace):
    rows = desk.run("get_namespaces").data["namespaces"]
    assert {"name": namespace, "status": "Active"}.items() <= next(
        row for row in rows if row["name"] == namespace
    ).items()
    assert "kube-system" in {row["name"] for row in rows}


@pytest.mark.real_cluster
def test_config_maps_are_listed_by_their_keys_alone(desk, running, namespace):
    running.apply(f"""
apiVersion: v1
kind: ConfigMap
metadata: {{name: app, namespace: {namespace}}}
data: {{COLOUR: blue, app.conf: "listen 80"}}
binaryData: {{logo.png: aGk=}}
""")
    result = desk.run("get_configmaps", namespace=namespace)
    (row,) = [row for row in result.data["configmaps"] if row["name"] == "app"]
    assert row["keys"] == ["COLOUR", "app.conf", "logo.png"]
    assert "blue" not in result.content + json.dumps(result.data)
