"""BambooHR's tables of employees: https://documentation.bamboohr.com/reference/add-employee-table-row"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, basic

KEY, EMPLOYEE, TABLE = "sandbox-bamboohr-table-key", "123", "customDeskbell"
COLUMNS = {"customDate", "customNote", "customKey"}
ROWS = "/api/v1/employees/{employee}/tables/{table}"


def wrong(asked: Asked) -> str:
    if (asked.parts["employee"], asked.parts["table"]) != (EMPLOYEE, TABLE) or not asked.fields.keys() <= COLUMNS:
        return "404"
    return "404" if "row" in asked.parts and asked.parts["row"] not in [str(row["id"]) for row in shown(asked)] else ""


def shown(asked: Asked) -> list[dict[str, object]]:
    made = [one.fields for one in asked.told if one.way == "open"]
    return [{"id": n, "employeeId": EMPLOYEE, **fields} for n, fields in enumerate(made, 1)]


def error(code: str) -> Answer:
    return int(code), ""


VENDOR = Vendor(
    name="bamboohr",
    conf={"key": KEY},
    address=EMPLOYEE,
    knows=basic(KEY, "x"),
    unauthorised=(401, ""),
    missing=(404, ""),
    ways=(
        Way(
            "open",
            "POST",
            ROWS,
            lambda _asked: "",
            201,
            needs=("customDate", "customNote", "customKey"),
            refuses=wrong,
        ),
        Way("rows", "GET", ROWS, shown, reads=True),
        Way("change", "POST", f"{ROWS}/{{row}}", lambda _asked: "", needs=("customNote",), refuses=wrong),
    ),
    new_id=lambda _number: EMPLOYEE,  # a row's own number is not told
    error=error,
    limits=((429, {"Retry-After": "7"}, ""), (429, {}, "")),
)
