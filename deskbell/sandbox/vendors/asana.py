"""Asana's tasks: https://developers.asana.com/reference/tasks"""

from typing import Any

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, header

TOKEN = "sandbox-asana-token"  # noqa: S105 - made up, on purpose
TASKS = "/api/1.0/tasks"


def shown(gid: str, notes: Any) -> dict[str, Any]:
    return {"gid": gid, "notes": notes, "permalink_url": f"https://asana.example/0/{gid}"}


def listed(asked: Asked) -> object:
    rows = [one for one in asked.told if one.way == "open" and asked.query["project"] in one.fields["data"]["projects"]]
    return {"data": [shown(one.id, one.fields["data"]["notes"]) for one in rows], "next_page": None}


def stands(asked: Asked) -> object:
    paths = [action["relative_path"] for action in asked.fields["data"]["actions"]]
    who = {"completed_by": {"gid": "88", "name": "Rita Record"}}
    rows = asked.records([path.removeprefix("/tasks/") for path in paths])
    tasks = [{"gid": ident, "completed": state == "resolved", **who} for ident, state in rows]
    return {"data": [{"status_code": 200, "body": {"data": task}} for task in tasks]}


def refusal(status: int, message: str) -> Answer:
    return status, {"errors": [{"message": message, "help": "made to fail"}]}


VENDOR = Vendor(
    name="asana",
    conf={"token": TOKEN},
    address="1200000000000001",
    options={"doing": "1200000000000009"},
    knows=header("Authorization", f"Bearer {TOKEN}"),
    unauthorised=refusal(401, "Not Authorized"),
    missing=refusal(404, "task: Unknown object"),
    ways=(
        Way(
            "open",
            "POST",
            TASKS,
            lambda asked: {"data": shown(asked.id, asked.fields["data"]["notes"])},
            201,
            needs=("data.name", "data.projects.0"),
            most={"data.name": 1024, "data.notes": 65_535},
        ),
        Way("list", "GET", TASKS, listed, reads=True),
        Way("stands", "POST", "/api/1.0/batch", stands, needs=("data.actions",), reads=True),
        Way("note", "POST", f"{TASKS}/{{task}}/stories", status=201, needs=("data.text",), of="task"),
        Way("change", "PUT", f"{TASKS}/{{task}}", needs=("data",), of="task"),
        Way("move", "POST", "/api/1.0/sections/{section}/addTask", needs=("data.task",)),
    ),
    new_id=lambda number: f"12000000{number:08}",
    error=lambda code: refusal(int(code), "made to fail"),
    limits=((429, {"Retry-After": "30"}, refusal(429, "rate limit")[1]),),
)
