"""The billing system: accounts, invoices with their attempts, contracts."""

import httpx
import pytest

from deskbell.sandbox import credentials
from deskbell.sandbox.verdict import source_counts


@pytest.fixture
async def api(sb):
    headers = {"Authorization": f"Bearer {credentials.BILLING_TOKEN}"}
    async with httpx.AsyncClient(base_url=f"{sb.url}/billing/api", headers=headers, trust_env=False) as client:
        yield client


@pytest.fixture
def kranz(sb):
    """An account with an invoice and a contract."""
    sb.billing.add_account(1011, "Kranz Bakery")
    sb.billing.add_invoice(1011, "318.40", due=3, id=3111)
    sb.billing.add_contract(1011, "Annual inspection", ends=90, id=711)
    return sb.billing


async def test_rows_ascend_by_their_change(api, sb, kranz):
    kranz.add_account(1012, "Limes Cement")
    sb.clock.advance(5)
    kranz.attempt("INV-3111", failed="Card expired")
    answer = (await api.get("/accounts", params={"per_page": 1})).json()
    assert [row["number"] for row in answer["data"]] == ["A-1012"], "the balance of the other one was looked at since"
    assert answer["meta"] == {"page": 1, "per_page": 1, "pages": 2, "total": 2}
    since = kranz.find("INV-3111")["updated_at"]
    assert (await api.get("/contracts", params={"updated_since": since})).json()["data"] == []
    [row] = (await api.get("/invoices", params={"updated_since": since, "status": "open"})).json()["data"]
    assert row["attempts"] == [
        {"id": "INV-3111-1", "at": since, "amount": "318.40", "outcome": "failed", "message": "Card expired"}
    ]


async def test_money_that_comes_in(api, kranz):
    assert (await api.get("/accounts/1011")).json()["data"]["balance"] == "318.40"
    kranz.attempt("INV-3111", failed="Card expired")
    assert kranz.failing()
    kranz.attempt("INV-3111")
    paid = (await api.get("/invoices/3111")).json()["data"]
    assert (paid["status"], paid["open"], len(paid["attempts"])) == ("paid", "0.00", 2)
    assert (await api.get("/accounts/1011")).json()["data"]["balance"] == "0.00"
    assert not kranz.failing()


@pytest.mark.parametrize("place", ["accounts/1011", "invoices/3111", "contracts/711"])
async def test_notes(api, sb, kranz, place):
    row = (await api.patch(f"/{place}", json={"note": "Carla has it"})).json()["data"]
    assert row["notes"][0]["text"] == "Carla has it"
    assert source_counts(sb.ledger, "billing") == {"reads": 0, "writes": 1, "rejected": 0, "ratelimited": 0}


@pytest.mark.parametrize(
    "body", [{}, [], {"note": 1}, {"note": " "}, {"note": "x", "status": "paid"}, {"open": "0.00"}]
)
async def test_nothing_else_can_be_written(api, kranz, body):
    before = dict(kranz.find("INV-3111"))
    assert (await api.patch("/invoices/3111", json=body)).status_code == 422
    assert kranz.find("INV-3111") == before


async def test_errors(api, http, sb, kranz):
    assert (await http.get("/billing/api/accounts")).status_code == 401
    assert (await api.get("/accounts/1")).status_code == 404
    assert (await api.get("/accounts/A-1011")).status_code == 404
    assert (await api.get("/payments")).status_code == 404
    assert (await api.patch("/accounts/1011", content=b"x")).status_code == 400
    for query in ("per_page=101", "page=0", "updated_since=now", "colour=red"):
        assert (await api.get(f"/invoices?{query}")).status_code == 422
    sb.billing.faults.set("429", times=1, retry_after=7)
    assert (await api.get("/accounts")).headers["Retry-After"] == "7"
    sb.billing.faults.set("500", where="/invoices")
    assert [(await api.get(path)).status_code for path in ("/invoices", "/accounts")] == [500, 200]


async def test_it_was_read_once_each_of_its_lists_was(api, sb):
    for path in ("/accounts", "/accounts", "/invoices"):
        await api.get(path)
    assert sb.billing.sweeps == 0
    await api.get("/contracts")
    assert sb.billing.sweeps == 1
