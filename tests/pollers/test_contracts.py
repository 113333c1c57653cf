"""Each source whose vendor publishes a description keeps to it, and so do the answers of its stand-in."""

import json
from dataclasses import dataclass

import pytest

from deskbell.catalogue import SANDBOX
from deskbell.config import load
from deskbell.core.ports import WriteBack, WriteKind
from pollers import catalog
from tests.pollers import trials
from tests.recording import record, tape


@dataclass(frozen=True)
class Contract:
    """`document`: the vendor's description; `agent`: a colleague's id there; `departures`: (a part of the path, a part
    of the complaint) that it leaves out, `loose`: parts of complaints about answers, each with its reason.
    """

    document: str
    prefix: str
    agent: str = ""
    departures: tuple = ()
    loose: tuple = ()
    least: int = 8  # requests that the description knows


LOGIN = ("oauth", "is not in the document")  # logins are of no such API
CONTRACTS = {
    "freshdesk": Contract("freshdesk", "/freshdesk", "1002"),
    "servicenow": Contract("servicenow", "/servicenow", "d0b70de6bbeaf8ed72c7864daaed88c8", (LOGIN,)),
    "zendesk": Contract("zendesk", "/zendesk", "9002", trials.ZENDESK_DEPARTURES,
        ("NoneType",)),  # it says of no field that it may be null; in the vendor's own examples many are
    "salesforce": Contract("salesforce", "/salesforce", "005000000000002AAA", trials.SALESFORCE_DEPARTURES),
    "salesforce_field": Contract("salesforce", "/salesforce", "", (
        *trials.SALESFORCE_DEPARTURES,
        ("/sobjects/AssignedResource", ""),  # changes of other objects than cases lead to a part that is not there
        ("/sobjects/ServiceAppointment", "")), least=3),
    "zoho_crm": Contract("zoho_crm", "/zoho_crm", "5500000000003", trials.ZOHO_DEPARTURES, least=3),
    "intercom": Contract("intercom", "/intercom", "814862", trials.INTERCOM_DEPARTURES, (
        "team_assignee_id",  # a number there, and a text in newer versions
        "first_admin_reply_at: wrong type NoneType")),  # nobody has answered yet
    "bamboohr": Contract("bamboohr", "/bamboohr", least=4),
}  # fmt: skip
# No description of these is at hand; their stand-ins are made after the vendors' pages, and their tests say which.
UNDESCRIBED = {
    "hubspot", "pipedrive", "servicetitan", "dynamics", "jobber", "google_calendar", "graph_calendar",
    "rest", "sql", "ical",  # nobody's in particular
}  # fmt: skip


@pytest.fixture
def oracle(oracle_module):
    if oracle_module is None:
        pytest.skip("the vendors' descriptions are not beside this checkout; DESKBELL_SPECS may name their folder")
    return oracle_module


def test_each_source_is_held_against_its_description_or_is_known_to_have_none(oracle):
    assert set(CONTRACTS) | UNDESCRIBED == set(catalog.KINDS)
    assert not set(CONTRACTS) & UNDESCRIBED
    assert not UNDESCRIBED & set(oracle.documents()), "there is a description now"


async def everything(source, agent):
    """All that a source can be asked to do."""
    told = await tape.tour(source)
    one = told["first"]["records"][0]["id"]
    await source.missing([one, "0123456789"])
    for kind in WriteKind:
        item = WriteBack(kind, one, "[D-12 #345]", "Ana <b>acknowledged</b>\nat 14:02", agent)
        await source.find(item)
        await source.write(item)
    await source.check()


@pytest.fixture
async def takes(request, tmp_path):
    """Each request that such a source makes, and each answer of its stand-in."""
    kind = request.param
    async with record.still() as sandbox:
        settings = load(SANDBOX, {"DESKBELL_SANDBOX": sandbox.url, "DESKBELL_DATA": str(tmp_path)})
        conf = next(setting.conf for setting in settings.sources.values() if setting.kind == kind)
        with tape.recording() as found:
            async with tape.opened(kind, tape.unhurried(conf), sandbox.clock.now()) as source:
                await everything(source, CONTRACTS[kind].agent)
        return found


@pytest.mark.parametrize(("takes", "kind"), [(kind, kind) for kind in CONTRACTS], indirect=["takes"], ids=CONTRACTS)
def test_no_request_and_no_answer_breaks_it(takes, kind, oracle):
    contract, wrong, known = CONTRACTS[kind], [], 0
    for take in takes:
        asked = as_asked(take, contract)
        if departs(contract, asked["url"], ""):
            continue
        found = [one for one in oracle.check(asked, strict=True) if not departs(contract, asked["url"], one)]
        wrong += [(asked["method"], asked["url"], one) for one in found]
        if template := described(oracle, contract, asked):
            known += 1
            wrong += [(asked["method"], template, one) for one in answered(oracle, contract, asked, template, take)]
    assert wrong == []
    assert known >= contract.least


def as_asked(take, contract):
    url = take.request["uri"].replace(contract.prefix, "", 1)
    headers = {name: value if isinstance(value, str) else value[0] for name, value in take.request["headers"].items()}
    body = take.request["body"] or b""
    return {"method": take.request["method"], "url": url, "headers": headers, "body": body, "system": contract.document}


def departs(contract, url, complaint):
    """Whether the description is known to lack this; without a complaint, whether it takes the path for another one."""
    path = url.partition("?")[0]
    return any(part in path and (said in complaint if complaint else not said) for part, said in contract.departures)


def described(oracle, contract, asked):
    """The description's own path for this request, if it has one."""
    document = oracle.documents()[contract.document]
    found = document.match(asked["url"], any_host=True) or []
    return next((path for path in found if asked["method"].lower() in document.doc["paths"][path]), None)


def answered(oracle, contract, asked, template, take):
    status, body = take.response["status"]["code"], take.response["body"]["string"]
    if not body.strip():
        return []
    found = oracle.check_response(contract.document, asked["method"], template, status, json.loads(body))
    return [one for one in found if not any(part in one for part in contract.loose)]


@pytest.mark.parametrize("takes", ["bamboohr"], indirect=True)
def test_what_breaks_it_is_found(takes, oracle):
    contract = CONTRACTS["bamboohr"]
    take = next(one for one in takes if "/time_off/requests" in one.request["uri"])
    asked = as_asked(take, contract)
    assert oracle.check(asked, strict=True) == []
    assert oracle.check(asked | {"url": asked["url"].replace("start=", "begins=")}, strict=True)
    template = described(oracle, contract, asked)
    take.response["body"]["string"] = take.response["body"]["string"].replace(b'"id":', b'"id": "none", "was":')
    assert answered(oracle, contract, asked, template, take)
