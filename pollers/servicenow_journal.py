"""Work notes, comments and files of ServiceNow's tasks, and what they are here."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from deskbell.core.records import Happening, HappeningKind
from deskbell.vendors.servicenow import ref
from pollers import happenings
from pollers.happenings import Requests
from pollers.rows import line, moment

COLUMNS = "sys_id,element_id,element,value,sys_created_on,sys_created_by"
FILE_COLUMNS = "sys_id,table_name,table_sys_id,file_name,sys_created_on,sys_created_by,sys_updated_on"
# Accounts of the customers' side. https://www.servicenow.com/docs/bundle/zurich-customer-service-management/page/product/customer-service-management/concept/c_CustomerServiceTables.html
OUTSIDE = frozenset({"customer_contact", "csm_consumer_user"})
GUEST = "guest"  # who writes by mail without an account


class Authors:
    """Who wrote: names and classes of accounts by their login."""

    def __init__(self, names: Mapping[str, str], classes: Mapping[str, str]) -> None:
        self._names, self._classes = names, classes

    def name(self, login: str) -> str:
        return line(self._names.get(login, ""), 200) or login

    def is_customer(self, login: str, requester: str) -> bool:
        return login in (GUEST, requester) or self._classes.get(login) in OUTSIDE


def told_in(
    entries: Iterable[Mapping[str, Any]], files: Iterable[Mapping[str, Any]], requester: str, authors: Authors,
    asks: Requests,
) -> tuple[Happening, ...]:  # fmt: skip
    """What was added to one task. `requester`: the login of whom it is for. Whatever the rows hold, nothing raises."""
    found = [one for row in entries for one in _said(row, requester, authors, asks)]
    return happenings.newest([*found, *(one for row in files for one in _file(row, authors))])


def _said(row: Mapping[str, Any], requester: str, authors: Authors, asks: Requests) -> Iterator[Happening]:
    at, row_id, element = moment(row.get("sys_created_on")), ref(row.get("sys_id")), row.get("element")
    if at is None or not row_id or element not in ("work_notes", "comments") or happenings.ours(row.get("value")):
        return
    private = element == "work_notes"
    login = line(row.get("sys_created_by"), 100)
    theirs = authors.is_customer(login, requester)
    kind = HappeningKind.CUSTOMER_REPLY if theirs else HappeningKind.REPLY
    text = row.get("value")
    text = text if isinstance(text, str) else ""
    author = authors.name(login)
    yield Happening(
        HappeningKind.NOTE if private else kind, line(row_id, 100), at, author, login, private, happenings.hint(text)
    )
    if not theirs and (due := asks.asked(text, at)):
        yield Happening(
            HappeningKind.DOCUMENT_REQUEST, line(row_id, 100), at, author, login, private=private, due_at=due
        )


def _file(row: Mapping[str, Any], authors: Authors) -> Iterator[Happening]:
    at, row_id, name = moment(row.get("sys_created_on")), ref(row.get("sys_id")), line(row.get("file_name"), 200)
    if at is not None and row_id and name:
        login = line(row.get("sys_created_by"), 100)
        yield Happening(HappeningKind.DOCUMENT, line(row_id, 100), at, authors.name(login), login, name=name)
