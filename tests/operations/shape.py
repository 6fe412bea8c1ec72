"""docker-compose.yml as bare processes: each service's own command, environment and health check.

What a container would add is not here: images, users, networks, limits. What stands in for it: a
port of its own for each role, and directories for `/data`, `/tmp` and `/run/secrets`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.operations.servers import PostgresServer, Server, tool_path
from tests.serving.instance import ROOT, bare_environment, eventually, free_ports

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("migrate", "web", "stream", "worker", "beat")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(:-(?P<default>[^}]*))?(:\?[^}]*)?\}")

THEIRS = re.compile(r"/run/secrets|/tmp|/data|127\.0\.0\.1:3000|redis-cli ping")


def interpolated(text: str, given: dict[str, str]) -> str:
    """Compose's own substitution, as far as the file uses it."""
    filled = VARIABLE.sub(lambda m: given.get(m["name"]) or m["default"] or "", text)
    return filled.replace("$$", "$")


class Shape:
    """Every service of the compose file; `given` is what a person would export before `up`."""

    def __init__(self, root: Path, given: dict[str, str]) -> None:
        self.root, self.given = root, given
        self.secrets = root / "secrets"
        subprocess.run([str(ROOT / "deploy/make-secrets"), str(self.secrets)], check=True)  # noqa: S603
        self.ports = {role: free_ports() for role in ("web", "stream")}
        servers = free_ports()
        self._server_ports = {
            "postgres": servers["AURA_SERVER_PORT"],
            "redis": servers["AURA_GATEWAY_PORT"],
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._postgres: Server | None = None
        for name, port in self._server_ports.items():
            for secret in self.secrets.iterdir():
                text = secret.read_text().replace(
                    f"@{name}:{self._inner(name)}", f"@127.0.0.1:{port}"
                )
                secret.write_text(text)

    @staticmethod
    def _inner(name: str) -> int:
        return {"postgres": 5432, "redis": 6379}[name]

    def url(self, role: str) -> str:
        return f"http://127.0.0.1:{self.ports[role]['AURA_SERVER_PORT']}"

    def secret(self, name: str) -> str:
        return (self.secrets / name).read_text()

    # --- what a container gets --------------------------------------------------------------------

    def environment(self, service: str) -> dict[str, str]:
        """The service's variables; its secrets are those files alone that it lists."""
        role = SERVICES[service]
        mine = self.root / service
        granted = mine / "secrets"
        granted.mkdir(parents=True, exist_ok=True)
        for name in role["secrets"]:
            (granted / name).write_text(self.secret(name))
        said = {k: interpolated(str(v), self.given) for k, v in role["environment"].items()}
        (mine / "data").mkdir(exist_ok=True)
        moved = {"AURA_SECRETS_DIR": granted, "AURA_DATA_DIR": mine / "data"}
        ports = self.ports.get(service, self.ports["web"])
        local = {"AURA_SERVER_HOST": "127.0.0.1", "AURA_TRUSTED_PROXIES": "127.0.0.1"}
        whole = bare_environment() | said | moved | ports | local | {"PATH": self._path()}
        return {name: str(value) for name, value in whole.items()}

    def _path(self) -> str:
        return os.pathsep.join([str(Path(sys.executable).parent), tool_path()])

    def _here(self, service: str, part: str) -> str:
        """One word of a command with the container's places and ports replaced by ours."""
        mine = self.root / service
        own = self.ports.get(service, {}).get("AURA_SERVER_PORT")
        port = self._server_ports.get(service) or own
        ours = {
            "/run/secrets": f"{mine}/secrets",
            "/tmp": str(mine),  # noqa: S108 - the container's
            "/data": f"{mine}/data",
            "127.0.0.1:3000": f"127.0.0.1:{port}",
            "redis-cli ping": f"redis-cli -p {port} ping",
        }
        return THEIRS.sub(lambda m: ours[m[0]], interpolated(part, self.given))

    # --- running ----------------------------------------------------------------------------------

    def start(self, *services: str) -> None:
        for service in services:
            if service == "postgres":
                self._start_postgres()
            else:
                self.processes[service] = self._popen(service, self.command(service))

    def command(self, service: str) -> list[str]:
        said = [self._here(service, part) for part in SERVICES[service]["command"]]
        if service == "redis":
            said[-1] = said[-1].rstrip() + f" --port {self._server_ports['redis']}\n"
        return said

    def _popen(self, service: str, command: list[str]) -> subprocess.Popen[bytes]:
        with (self.root / f"{service}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - the compose file's own commands
                command,
                cwd=ROOT,
                env=self._environment_of(service),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _environment_of(self, service: str) -> dict[str, str]:
        if service in OURS:
            return self.environment(service)
        granted = self.root / service / "secrets"
        granted.mkdir(parents=True, exist_ok=True)
        for name in SERVICES[service]["secrets"]:
            (granted / name).write_text(self.secret(name))
        return bare_environment() | {"PATH": self._path()}

    def _start_postgres(self) -> None:
        place = self.root / "postgres"
        place.mkdir()
        flags = SERVICES["postgres"]["command"][1:]
        password = self.secret("postgres_password")
        self._postgres = PostgresServer(place, self._server_ports["postgres"], password, flags)

    def run(self, service: str, *command: str, **more: str) -> str:
        """`docker compose run --rm SERVICE COMMAND`."""
        done = subprocess.run(  # noqa: S603
            command,
            cwd=ROOT,
            env=self._environment_of(service) | more,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def healthy(self, service: str) -> bool:
        """Run the service's health check once."""
        kind, *test = SERVICES[service]["healthcheck"]["test"]
        here = [self._here(service, part) for part in test]
        if service == "postgres":
            here += ["--host=127.0.0.1", f"--port={self._server_ports['postgres']}"]
        command = ["sh", "-c", *here] if kind == "CMD-SHELL" else here
        host = {"HOSTNAME": os.uname().nodename}
        return (
            subprocess.run(  # noqa: S603
                command,
                cwd=ROOT,
                env=self._environment_of(service) | host,
                capture_output=True,
                check=False,
                timeout=40,
            ).returncode
            == 0
        )

    def wait_healthy(self, *services: str) -> None:
        for service in services:
            eventually(lambda service=service: self.healthy(service), 80)

    def log(self, service: str) -> str:
        return (self.root / f"{service}.log").read_text()

    def end(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._postgres is not None:
            self._postgres.end()
