"""Asana: a task an alert. https://developers.asana.com/reference/createtask"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from channels.service import Address, Again, Call, Notice, Request, Role, Service, at
from channels.standing import standing
from deskbell.core.heard import Waiting
from deskbell.core.outcome import Fault
from deskbell.core.ports import Limit
from deskbell.core.sizes import Size
from deskbell.net.answers import Reply
from deskbell.net.auth import Bearer

TASKS = "/api/1.0/tasks"


@dataclass(frozen=True, slots=True)
class AsanaConf:
    token: str = field(repr=False)  # of a service account, or a personal one
    base_url: str = "https://app.asana.com"


def task(notice: Notice, _conf: AsanaConf) -> Request:
    """Its own field for a stranger's key takes an OAuth app, so the mark is the first line of the notes."""
    data = {"name": notice.line, "notes": f"{notice.about}\n\n{notice.text}", "projects": [notice.to]}
    return Request(TASKS, {"data": data}, params={"opt_fields": "permalink_url"})


def comment(notice: Notice, _conf: AsanaConf) -> Request:
    return Request(f"{TASKS}/{notice.record['id']}/stories", {"data": {"text": notice.said}})


def started(notice: Notice, _conf: AsanaConf) -> Request:
    """A task knows done and not done alone; a column says more, where the destination names one."""
    if "doing" in notice.options:
        return Request(f"/api/1.0/sections/{notice.options['doing']}/addTask", {"data": {"task": notice.record["id"]}})
    return completed(notice, done=False)


def completed(notice: Notice, *, done: bool) -> Request:
    return Request(f"{TASKS}/{notice.record['id']}", {"data": {"completed": done}}, method="PUT")


def newest(notice: Notice, _conf: AsanaConf) -> Request:
    since = {"modified_since": f"{notice.since:%Y-%m-%dT%H:%M:%SZ}"} if notice.since else {}
    shown = {"opt_fields": "notes,permalink_url", "limit": "100"}
    return Request(TASKS, method="GET", params={"project": notice.to} | shown | since)


def stand(waiting: Waiting, _conf: AsanaConf) -> Request:
    shown = {"fields": ["completed", "completed_by.name"]}
    paths = [f"/tasks/{gid}" for gid in waiting.ids]
    actions = [{"method": "get", "relative_path": path, "options": shown} for path in paths]
    return Request("/api/1.0/batch", {"data": {"actions": actions}})


def found(reply: Reply, notice: Notice) -> Mapping[str, Any]:
    rows = reply.data.get("data", []) if isinstance(reply.data, Mapping) else []
    return next((row for row in rows if str(row.get("notes")).partition("\n")[0] == notice.about), {})


SERVICE = Service(
    name="asana",
    title="Asana",
    roles=frozenset({Role.RECORD}),
    docs="https://developers.asana.com/reference/createtask",
    conf=AsanaConf,
    auth=lambda conf: Bearer(conf.token),
    address=Address(re.compile(r"\d{1,25}"), "is the gid of a project: digits"),
    options={"doing": "the gid of the section for what somebody has"},
    open=Call(task, id="data.gid", url="data.permalink_url"),
    note=Call(comment),
    progress=Call(started),
    reopen=Call(lambda notice, _: completed(notice, done=False)),
    close=Call(lambda notice, _: completed(notice, done=True)),
    find=Call(
        newest,
        id=lambda reply, notice: str(found(reply, notice).get("gid", "")),
        url=lambda reply, notice: str(found(reply, notice).get("permalink_url", "")),
    ),
    asks=(
        standing(
            stand,
            lambda task, _conf, _waiting: "resolved" if task["completed"] else "open",
            rows=lambda data: [one["body"]["data"] for one in data["data"] if one["status_code"] == 200],
            id="gid",
            by="completed_by.gid",
            name="completed_by.name",
            most=10,
        ),
    ),
    again=Again.LOOK_UP,
    reason=at("errors.0.message"),
    errors={"451": Fault.CONFIG},
    limits=(Limit("any", "account", 2, timedelta(seconds=1)),),  # of 150 a minute without a paid plan
    sizes={"data.name": Size(1024), "data.notes": Size(32_000), "data.text": Size(32_000)},
)
