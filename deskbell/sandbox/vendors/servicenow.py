"""ServiceNow's incidents: https://www.servicenow.com/docs/r/api-reference/rest-apis/c_TableAPI.html"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, basic

USER, PASSWORD = "deskbell", "sandbox-servicenow-password"
INCIDENTS = "/api/now/table/incident"


def shown(sys_id: str) -> dict[str, str]:
    return {"sys_id": sys_id, "number": f"INC{int(sys_id, 16):07}"}


def found(asked: Asked) -> object:
    query = asked.query["sysparm_query"]
    if query.startswith("sys_idIN"):
        words = {"open": "1", "acked": "2", "resolved": "6"}
        states = asked.records(query.removeprefix("sys_idIN").split(","))
        return {"result": [{"sys_id": i, "state": words[state], "sys_updated_by": "rita"} for i, state in states]}
    wanted = asked.query["sysparm_query"].split("^")[0].removeprefix("correlation_id=")
    rows = [one for one in asked.told if one.way == "open" and one.fields["correlation_id"] == wanted]
    return {"result": [shown(one.id) for one in rows[: int(asked.query["sysparm_limit"])]]}


def failure(status: int, message: str) -> Answer:
    return status, {"error": {"message": message, "detail": ""}, "status": "failure"}


VENDOR = Vendor(
    name="servicenow",
    conf={"user": USER, "password": PASSWORD, "web_url": "https://servicenow.example"},
    address=f"{7:032x}",
    knows=basic(USER, PASSWORD),
    unauthorised=failure(401, "User Not Authenticated"),
    missing=failure(404, "No Record found"),
    ways=(
        Way(
            "open",
            "POST",
            INCIDENTS,
            lambda asked: {"result": shown(asked.id)},
            201,
            needs=("short_description", "correlation_id"),
            most={"short_description": 160, "description": 4000},
        ),
        Way("list", "GET", INCIDENTS, found, reads=True),
        Way("change", "PATCH", f"{INCIDENTS}/{{incident}}", most={"work_notes": 4000}, of="incident"),
    ),
    new_id=lambda number: f"{number:032x}",
    error=lambda code: failure(int(code), "made to fail"),
    limits=((429, {"Retry-After": "7"}, {}), (429, {"X-RateLimit-Reset": "11"}, {})),
)
