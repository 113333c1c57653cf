"""ServiceNow, Table API: what it wants, how it answers, and the queries it silently gets wrong.

https://www.servicenow.com/docs/bundle/zurich-api-reference/page/integrate/inbound-rest/concept/c_TableAPI.html
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from deskbell.core.records import Priority
from deskbell.net.answers import Dialect, Reply

TABLES = "/api/now/table"
TOKENS = "/oauth_token.do"
ENGLISH = "en"  # the language of labels that nobody translated
IN_AT_MOST = 50  # sys_ids in one query: an address of 2 KB passes every proxy
ON_HOLD, AWAITING_CALLER = "3", "1"  # of incident.state, of incident.hold_reason

# The usual codes of task.priority; a case's priority goes to 4
PRIORITIES: Mapping[str, Priority] = {
    "1": Priority.URGENT,
    "2": Priority.HIGH,
    "3": Priority.NORMAL,
    "4": Priority.LOW,
    "5": Priority.LOW,
}


def reason(reply: Reply) -> str:
    """ServiceNow's own words: `Operation Failed: ACL exception ...`."""
    error = reply.data.get("error") if isinstance(reply.data, Mapping) else None
    if not isinstance(error, Mapping):
        return str(error or "")
    return ": ".join(str(part) for part in (error.get("message"), error.get("detail")) if part)


DIALECT = Dialect(explain=reason)


def stamp(at: datetime) -> str:
    """A moment as the stored form has it, and as a query takes it: UTC, whole seconds."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def ref(value: Any) -> str:
    """A reference's sys_id, whether it comes plain or as {link, value}."""
    inner = value.get("value") if isinstance(value, Mapping) else value
    return inner if isinstance(inner, str) else ""


def is_name(text: str) -> bool:
    """Whether it may stand for a table or a column, dot-walked where need be."""
    return re.fullmatch(r"[a-z_][a-z0-9_]{0,79}([.][a-z_][a-z0-9_]{0,79}){0,4}", text) is not None


def joined(*terms: str) -> str:
    return "^".join(term for term in terms if term)


def is_in(column: str, ids: list[str]) -> str:
    return f"{column}IN{','.join(safe(one) for one in ids)}"


def safe(value: str) -> str:
    """A value fit for a query. `^` can't be escaped there, and `javascript:` would be run."""
    return re.sub(r"javascript:", "", value.replace("^", ""), flags=re.IGNORECASE)


def labels(rows: list[Any], table: str, language: str) -> dict[str, str]:
    """Code -> label out of rows of sys_choice: a table's own, else those of `task`, which it inherits.

    https://www.servicenow.com/docs/bundle/zurich-platform-administration/page/administer/field-administration/concept/c_ChoiceLists.html
    """
    good = [row for row in rows if isinstance(row, Mapping) and row.get("element") == "state"]
    own = [row for row in good if row.get("name") == table] or [row for row in good if row.get("name") == "task"]
    spoken = sorted(own, key=lambda row: row.get("language") == language)
    return {value: label for row in spoken if (value := ref(row.get("value"))) and (label := ref(row.get("label")))}


# ---------------------------------------------------------------- a filter, checked on our side too

_TERM = re.compile(
    r"(?P<column>[a-z_][\w.]*?)(?P<op>ISEMPTY|ISNOTEMPTY|NOT IN|IN|STARTSWITH|!=|=)(?P<value>.*)", re.DOTALL
)


@dataclass(frozen=True, slots=True)
class Term:
    """One condition of an encoded query, of the kinds that can be checked here."""

    column: str
    op: str
    value: str

    def holds(self, row: Mapping[str, Any]) -> bool:
        """Whether a row obeys; a column that the row does not show can't be judged."""
        if self.column not in row:
            return True
        have, wanted = ref(row[self.column]), self.value
        match self.op:
            case "=" | "!=":
                return (have == wanted) is (self.op == "=")
            case "IN" | "NOT IN":
                return (have in wanted.split(",")) is (self.op == "IN")
            case "ISEMPTY" | "ISNOTEMPTY":
                return (not have) is (self.op == "ISEMPTY")
        return have.startswith(wanted)

    def text(self) -> str:
        return f"{self.column}{self.op}{self.value}"

    def opposite(self) -> str:
        """A condition that no row fulfils together with this one."""
        opposites = {
            "=": "!=",
            "!=": "=",
            "IN": "NOT IN",
            "NOT IN": "IN",
            "ISEMPTY": "ISNOTEMPTY",
            "ISNOTEMPTY": "ISEMPTY",
        }
        if self.op == "STARTSWITH":
            return f"{self.column}ISEMPTY"
        return f"{self.column}{opposites[self.op]}{self.value}"


def terms(query: str) -> list[Term]:
    """The conditions of a filter. ValueError when it holds something that can't be checked here."""
    found = []
    for part in query.split("^") if query else ():
        match = _TERM.fullmatch(part)
        if match is None or part.startswith(("OR", "NQ", "ORDERBY")):
            raise ValueError(f"{part!r} is no condition like active=true or assignment_groupIN<sys_id>,<sys_id>")
        found.append(Term(match["column"], match["op"], match["value"]))
    return found
