"""ActiveCampaign's contacts and tags: https://developers.activecampaign.com/reference/sync-a-contacts-data"""

from deskbell.sandbox.vendors.stand_in import Answer, Asked, Vendor, Way, dig, header

TOKEN, FIELD, TAG = "sandbox-activecampaign-token", "7", "12"


def wrong_contact(asked: Asked) -> str:
    fields = [row["field"] for row in dig(asked.fields, "contact.fieldValues") or []]
    return "" if "@" in str(dig(asked.fields, "contact.email")) and fields == [FIELD] else "422"


def wrong_tag(asked: Asked) -> str:
    return "" if dig(asked.fields, "contactTag.tag") == TAG else "404"


def error(code: str) -> Answer:
    if code == "not done":
        return 200, {"succeeded": 0, "message": "made to fail"}
    return int(code), {"errors": [{"title": "made to fail", "detail": "", "code": "made_to_fail"}]}


VENDOR = Vendor(
    name="activecampaign",
    conf={"token": TOKEN, "field_id": FIELD, "tag_id": TAG},
    address="customer@example.org",
    knows=header("Api-Token", TOKEN),
    unauthorised=(403, {"message": "No Result found for Subscriber"}),
    ways=(
        Way(
            "sync",
            "POST",
            "/api/3/contact/sync",
            lambda asked: {"contact": {"id": asked.id, "email": dig(asked.fields, "contact.email")}},
            needs=("contact.email", "contact.fieldValues.0.value"),
            refuses=wrong_contact,
        ),
        Way(
            "tag",
            "POST",
            "/api/3/contactTags",
            lambda asked: {"contactTag": asked.fields["contactTag"] | {"id": "1"}},
            201,
            needs=("contactTag.contact", "contactTag.tag"),
            reads=True,  # of what was told already: a contact has a tag once
            refuses=wrong_tag,
        ),
    ),
    error=error,
)
