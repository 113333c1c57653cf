"""Whatever takes a JSON body, and knows a repeat by its Idempotency-Key."""

from deskbell.sandbox.vendors.stand_in import Vendor, Way, header

TOKEN = "sandbox-http-token"  # noqa: S105 - made up, on purpose

VENDOR = Vendor(
    name="http",
    conf={"path": "/alerts", "token": TOKEN, "body": {"what": "{line}", "more": {"text": "{text}", "rings": True}}},
    address="the desk",
    knows=header("Authorization", f"Bearer {TOKEN}"),
    ways=(Way("send", "POST", "/alerts", status=202, needs=("what",)),),
    key=lambda asked: asked.headers.get("idempotency-key", ""),
)
