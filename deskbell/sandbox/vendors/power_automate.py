"""A flow that starts when it is called: https://learn.microsoft.com/azure/connectors/connectors-native-reqres"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way

FLOW = "/powerautomate/automations/direct/workflows/0123456789abcdef/triggers/manual/paths/invoke"
SIGNED = {"api-version": "1", "sp": "/triggers/manual/run", "sv": "1.0", "sig": "sandbox-signature-of-a-flow"}
QUERY = "api-version=1&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=" + SIGNED["sig"]


def error(code: str) -> Answer:
    return int(code), {"error": {"code": "WorkflowTriggerIsNotEnabled", "message": "made to fail"}}


def run(asked: Asked) -> dict[str, str]:
    return {"x-ms-workflow-run-id": asked.id}


VENDOR = Vendor(
    name="power_automate",
    address=f"https://sandbox.12.environment.api.powerplatform.com:443{FLOW}?{QUERY}",
    knows=lambda asked: asked.query == SIGNED,
    unauthorised=(401, {"error": {"code": "DirectApiAuthorizationRequired", "message": "The signature is not valid."}}),
    ways=(Way("send", "POST", FLOW, lambda _asked: "", 202, needs=("schema", "key", "alert.line"), gives=run),),
    new_id=lambda number: f"0858500000000000000{number:04}CU00",
    error=error,
    limits=((429, {"Retry-After": "7"}, {"error": {"code": "WorkflowRunActionRateLimited", "message": "slower"}}),),
)
