"""Other people's alerting programs, where this machine has them: an alert in by their API, a message to the same sink.

Alertmanager keeps alerts in memory only. Alerta commits them to a PostgreSQL and posts from within the request, through
a plugin as its own one for Slack does it. Neither is asked for anything that it does not do by default.
"""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from deskbell.bench.ground import OURS, Ground
from deskbell.bench.machine import Ended, Program, free_port
from deskbell.bench.wire import Broken, Line, request
from deskbell.torture.postgres import Unavailable

START_S = 20.0
NAMES = ("alertmanager", "prometheus-alertmanager")

_ALERTMANAGER = """
global:
  slack_api_url: {slack}
route:
  receiver: slack
  group_by: ['...']
  group_wait: 0s
  group_interval: 1h
  repeat_interval: 24h
receivers:
  - name: slack
    slack_configs:
      - channel: C0DISPATCH
        title: '{{{{ .CommonAnnotations.title }}}}'
        text: '{{{{ .CommonAnnotations.text }}}}'
        actions:
          - {{type: button, text: Acknowledge, name: ack, value: ack}}
          - {{type: button, text: Resolve, name: resolve, value: resolve}}
"""
_PLUGIN = """
import os
import requests
from alerta.plugins import PluginBase

class ToSlack(PluginBase):
    def pre_receive(self, alert, **kwargs):
        return alert

    def post_receive(self, alert, **kwargs):
        fields = [{"title": "Status", "value": alert.status}, {"title": "Severity", "value": alert.severity}]
        attachments = [{"fallback": alert.event, "text": alert.text, "fields": fields}]
        body = {"channel": "C0DISPATCH", "attachments": attachments}
        requests.post(os.environ["BENCH_SLACK"], json=body, timeout=10)

    def status_change(self, alert, status, text, **kwargs):
        return
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """`say`: the request that raises the alert of this number there."""

    program: Program
    port: int
    say: Callable[[int], bytes]
    about: str


@contextmanager
def alertmanager(ground: Ground) -> Iterator[Peer]:
    """Raises Unavailable."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise Unavailable("Alertmanager is not installed")
    port, config = free_port(), ground.folder / "alertmanager.yml"
    config.write_text(_ALERTMANAGER.format(slack=_slack(ground, "alertmanager")))
    options = (
        f"--config.file={config}",
        f"--storage.path={ground.folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=error",
    )
    with _started(ground, "alertmanager", (found, *options), {"GOMAXPROCS": "1"}) as program:
        yield Peer(program, port, _to_alertmanager, "its Slack path, in memory only")


@contextmanager
def alerta(ground: Ground) -> Iterator[Peer]:
    """Raises Unavailable, and CalledProcessError where it does not start."""
    found = shutil.which("alertad")
    gunicorn = Path(found).with_name("gunicorn") if found else None
    if not gunicorn or not gunicorn.exists():
        raise Unavailable("Alerta (with gunicorn beside it) is not installed")
    with ground.postgres() as url:
        port, folder = free_port(), _plugin(ground.folder)
        env = {
            "DATABASE_URL": url,
            "PLUGINS": "bench",
            "PYTHONPATH": str(folder),
            "BENCH_SLACK": _slack(ground, "alerta"),
        }
        # Two workers that make the tables at once are in each other's way.
        make = [str(gunicorn.with_name("python")), "-c", "from alerta import create_app; create_app()"]
        subprocess.run(make, env={**os.environ, **env}, check=True, capture_output=True, timeout=START_S)
        command = (str(gunicorn), "-w2", "-b", f"127.0.0.1:{port}", "--log-level", "error", "alerta:create_app()")
        with _started(ground, "alerta", command, env) as program:
            yield Peer(program, port, _to_alerta, "two workers, PostgreSQL, posts inside the request")


def _slack(ground: Ground, who: str) -> str:
    return f"http://127.0.0.1:{ground.sink}/{who}/slack/api/chat.postMessage"


@contextmanager
def _started(ground: Ground, name: str, command: tuple[str, ...], env: dict[str, str]) -> Iterator[Program]:
    program = Program(*command, env=env, core=OURS, log=ground.folder / f"{name}.log")
    try:
        yield program
    finally:
        program.stop()


async def ready(peer: Peer, alert: int) -> None:
    """Until an alert of it is taken. Raises Ended."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if peer.program.process.poll() is not None:
            peer.program.line()  # tells what its last words were
        try:
            line = await Line.to(peer.port)
            status, _ = await line.send(peer.say(alert))
            line.close()
            if status < 300:
                return
        except (OSError, Broken):
            pass
        await asyncio.sleep(0.1)
    raise Ended(f"it took no alert within {START_S:.0f} s")


def _plugin(folder: Path) -> Path:
    """A package with an entry point, for Alerta to find."""
    root = folder / "plugin"
    about = root / "bench_plugin-1.dist-info"
    about.mkdir(parents=True, exist_ok=True)
    (root / "bench_plugin.py").write_text(_PLUGIN)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bench-plugin\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[alerta.plugins]\nbench = bench_plugin:ToSlack\n")
    return root


def _to_alertmanager(number: int) -> bytes:
    labels = {"alertname": f"N{number:08d}", "severity": "P3", "site": "hall B"}
    annotations = {
        "title": f"N{number:08d} Compressor 3 trips on start",
        "text": "Hall B stands still since 06:40. Marco is there, spare part 4711-2 is missing.",
    }
    return request("POST", "/api/v2/alerts", orjson.dumps([{"labels": labels, "annotations": annotations}]))


def _to_alerta(number: int) -> bytes:
    body = {
        "environment": "Production",
        "service": ["dispatch"],
        "resource": f"N{number:08d}",
        "event": f"N{number:08d} Compressor 3 trips on start",
        "severity": "major",
        "text": f"N{number:08d} Hall B stands still since 06:40. Marco is there, spare part 4711-2 is missing.",
    }
    return request("POST", "/alert", orjson.dumps(body))
