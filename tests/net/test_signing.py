"""Signatures, against values that the vendors' own libraries give."""

from datetime import UTC, datetime

from deskbell.net.auth import AwsKey, PusherKey
from deskbell.net.signing import Asked, aws, pusher

AWS = AwsKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-central-1", "sns")
PUBLISH = (
    b"Action=Publish&Message=hello&TopicArn=arn%3Aaws%3Asns%3Aeu-central-1%3A000000000000%3Aalerts&Version=2010-03-31"
)
FORM = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}


def test_amazon_takes_our_signature():
    asked = Asked("POST", "https://sns.eu-central-1.amazonaws.com/", FORM, PUBLISH)
    headers = aws(AWS, asked, datetime(2026, 11, 20, 12, tzinfo=UTC))
    assert headers["X-Amz-Date"] == "20261120T120000Z"
    assert headers["Authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/eu-central-1/sns/aws4_request, "
        "SignedHeaders=content-type;host;x-amz-date, "
        "Signature=a9eaf4a2189e317b1f4851ec8e71b4864342aebd179ce17ebdeb58d21d73ccdd"
    )


def test_another_body_has_another_signature():
    now = datetime(2026, 11, 20, 12, tzinfo=UTC)
    one, other = (aws(AWS, Asked("POST", "https://h/", FORM, body), now)["Authorization"] for body in (b"a", b"b"))
    assert one != other


def test_pusher_takes_our_signature():
    key = PusherKey("278d425bdf160c739803", "7ad3773142a6692b25b8")
    body = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
    query = pusher(key, Asked("POST", "https://h/apps/3/events", {}, body), datetime.fromtimestamp(1353088179, UTC))
    assert query["body_md5"] == "ec365a775a4cd0599faeb73354201b6f"
    assert query["auth_signature"] == "da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"


def test_no_secret_shows():
    assert "wJalr" not in repr(AWS)
    assert "7ad" not in repr(PusherKey("key", "7ad3773142"))
