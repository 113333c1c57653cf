"""One of the many that Apprise knows: json://, which is a plain POST. https://github.com/caronc/apprise/wiki/Notify_Custom_JSON"""

from deskbell.sandbox.vendors.stand_in import Vendor, Way, basic

USER, PASSWORD = "desk", "sandbox-apprise-password"

VENDOR = Vendor(
    name="apprise",
    conf={"base_url": None},
    address=f"json://{USER}:{PASSWORD}@{{place}}/bell",
    knows=basic(USER, PASSWORD),
    ways=(
        Way(
            "send",
            "POST",
            "/bell",
            needs=("title", "message", "type"),
            most={"title": 250, "message": 32_768},
        ),
    ),
    limits=(),
)
