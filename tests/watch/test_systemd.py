"""What systemd hears from us, over the socket it gives us; and the unit that it starts us by."""

import os
import re
import shutil
import socket
import subprocess

import pytest

from deskbell.watch.systemd import Systemd
from tests.crash.lives import ROOT

UNIT = ROOT / "deploy" / "deskbell.service"


@pytest.fixture(params=["path", "abstract"])
def manager(request, tmp_path):
    address = str(tmp_path / "notify") if request.param == "path" else f"\0deskbell-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address)
        ear.settimeout(5)
        yield ear, {"NOTIFY_SOCKET": address.replace("\0", "@"), "WATCHDOG_USEC": "30000000"}


def test_states_are_told_a_line_each(manager):
    ear, environ = manager
    Systemd(environ).tell(READY=1, STATUS="all\nis well")
    assert ear.recv(4096) == b"READY=1\nSTATUS=all is well"


def test_the_watchdog_is_ours_or_somebody_elses(manager):
    _, environ = manager
    assert Systemd(environ).watchdog_s == 30
    assert Systemd({**environ, "WATCHDOG_PID": str(os.getpid())}).watchdog_s == 30
    assert Systemd({**environ, "WATCHDOG_PID": "1"}).watchdog_s == 0


def test_without_a_manager_nothing_is_sent_and_nothing_fails(tmp_path):
    Systemd({}).tell(READY=1)
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "nowhere")}).tell(READY=1)


# ---------------------------------------------------------------- the unit


def settings():
    return dict(re.findall(r"^(\w+)=(.*)$", UNIT.read_text(), re.MULTILINE))


def test_the_unit_is_as_hard_as_it_says():
    found = settings()
    hard = {
        "Type": "notify",
        "DynamicUser": "yes",
        "NoNewPrivileges": "yes",
        "ProtectSystem": "strict",
        "ProtectHome": "yes",
        "PrivateTmp": "yes",
        "PrivateDevices": "yes",
        "RestrictAddressFamilies": "AF_UNIX AF_INET AF_INET6",
        "CapabilityBoundingSet": "",
        "UMask": "0077",
        "StateDirectory": "deskbell",
        "Restart": "on-failure",
        "RestartPreventExitStatus": "2",
    }
    assert {name: found.get(name) for name in hard} == hard
    assert {"MemoryMax", "TasksMax", "WatchdogSec", "TimeoutStopSec", "SystemCallFilter"} <= found.keys()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd here")
def test_systemd_reads_the_unit(tmp_path):
    unit = tmp_path / "deskbell.service"
    unit.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", UNIT.read_text(), flags=re.MULTILINE))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True, check=False)
    said = [line for line in done.stderr.splitlines() if "deskbell" in line]
    assert said == []
