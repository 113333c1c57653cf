"""What is masked, and what stays; and that nothing of a person or an account comes through."""

import json
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from vcr.serialize import deserialize
from vcr.serializers import yamlserializer

from tests.recording.masks import Class, Masks, class_of
from tests.recording.scrub import Leak, Scrubber
from tests.recording.tape import Take, written

SECRET = "s3cret-of-the-account"


@pytest.mark.parametrize(
    ("key", "cls"),
    [
        *dict.fromkeys(("id", "sys_id", "assigneeId", "number", "etag", "Case_Number__c"), Class.ID).items(),
        *dict.fromkeys(
            ("created_at", "ModifiedOn", "time_zone", "result", "nextPageToken", "syncToken", "after_cursor"),
            Class.WORD,
        ).items(),
        *dict.fromkeys(
            ("name", "assigned_by", "Owner", "caller", "customerName", "email", "user_name"), Class.NAME
        ).items(),
        *dict.fromkeys(("access_token", "refreshToken", "client_secret", "password", "ApiKey"), Class.SECRET).items(),
        *dict.fromkeys(("status", "visitStatus", "deal_stage", "status_name"), Class.CHOICE).items(),
        *dict.fromkeys(("phone", "mobile_phone", "Phone_Number"), Class.PHONE).items(),
        *dict.fromkeys(("description", "subject", "work_notes", "street", "city"), Class.TEXT).items(),
        *dict.fromkeys(("wibble", "custom_17", ""), Class.UNKNOWN).items(),
    ],
)
def test_a_field_is_known_by_its_name(key, cls):
    assert class_of(key) is cls


def test_what_is_in_a_status_is_a_word_and_in_a_person_a_name():
    assert class_of("display_value", Class.CHOICE) is Class.CHOICE
    assert class_of("name", Class.CHOICE) is Class.CHOICE
    assert class_of("name", Class.WORD) is Class.NAME
    assert class_of("display_value", Class.NAME) is Class.NAME
    assert class_of("name", Class.UNKNOWN) is Class.NAME


STAYS = ("2026-11-20T12:00:00Z", "2026-11-20", "4711", "INC0010001", "b0d70de6bbeaf8ed", "Europe/Berlin", "true",
         "application/pdf", "0a1b2c3d-0a1b-2c3d-4e5f-0a1b2c3d4e5f")  # fmt: skip


@pytest.mark.parametrize("text", STAYS)
def test_ids_and_moments_stay_wherever_they_stand(text):
    assert Masks().value(text, Class.UNKNOWN) == text


def test_the_same_gets_the_same_mask_and_a_mask_stays_what_it_is():
    masks = Masks(kept=frozenset({"Waiting on parts"}), number=re.compile(r"J-\d+"))
    once = [masks.value(*pair) for pair in PAIRS]
    assert once == [masks.value(*pair) for pair in PAIRS]
    assert once == [masks.value(new, cls) for new, (_, cls) in zip(once, PAIRS, strict=True)]
    assert once == ["Name 1", "person1@example.org", "+1 555 0000000", "Xxxx Xxxxx, xx 00", "J-4711 xxxxxx", 54.0,
                    "Waiting on parts", "<p>Xxxx</p>", "closed by person1@example.org", "Name 2",
                    "person1@example.org", "3"]  # fmt: skip


PAIRS = (
    ("Marco Bianchi", Class.NAME), ("Marco@Firm.com", Class.NAME), ("+49 30 5550 101", Class.PHONE),
    ("Call Marco, at 12", Class.TEXT), ("J-4711 broken", Class.TEXT), (54.32, Class.PLACE),
    ("Waiting on parts", Class.UNKNOWN), ("<p class='a'>Text</p>", Class.TEXT),
    ("closed by marco@firm.com", Class.WORD), ("Lena Hoffmann", Class.ID),
    ("marco@firm.com", Class.TEXT),
    ("3", Class.TEXT),
)  # fmt: skip


# ---------------------------------------------------------------- all of it


def scrubber(**more):
    known = {"places": {"https://acme.freshdesk.com": "https://freshdesk.example"}, "secrets": [("key", SECRET)]}
    return Scrubber(**known, masks=Masks(), hosts=frozenset({"acme.freshdesk.com"}), **more)


def a_take(answer, *, uri="https://acme.freshdesk.com/api/v2/tickets?page=2", body=None, **headers):
    return Take(
        {
            "method": "GET",
            "uri": uri,
            "body": body,
            "headers": {"Authorization": [f"Basic {SECRET}"], "accept": ["*/*"]},
        },
        {
            "status": {"code": 200, "message": "OK"},
            "headers": {"Content-Type": ["application/json"], "Set-Cookie": [f"sid={SECRET}"], **headers},
            "body": {"string": json.dumps(answer).encode()},
        },
    )


def shown(takes):
    return json.dumps([[take.request, take.response] for take in takes], ensure_ascii=False)


leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=30))
keys = st.sampled_from(["id", "name", "status", "note", "url", "x", "created_at", "owner", "number", "self", "type"])
answers = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4))
PLANTS = st.sampled_from(
    [
        SECRET,
        "wilma.quux@acme-pumps.com",
        "Wilma Quux-Example",
        "+49 171 5550 123",
        "https://acme.freshdesk.com/a/b?c=d",
    ]
)


@given(answers, keys, PLANTS)
def test_whatever_is_planted_is_gone_or_stops_it(answer, key, plant):
    made = scrubber()
    person = {"email": "wilma.quux@acme-pumps.com", "name": "Wilma Quux-Example", "phone": "+49 171 5550 123"}
    takes = made.takes([a_take([person, answer, {key: plant}, {key: f"so says {plant} today"}])])
    text = shown(takes)
    made.search(text)
    assert plant not in text
    assert "sid=" not in text
    assert "Basic" not in text


CONTAINERS = [
    "result",
    "data",
    "records",
    "source",
    "object",
    "order",
    "created",
    "users",
    "from",
    "items",
    "x",
    "value",
]


@given(
    st.lists(st.sampled_from(CONTAINERS), max_size=4), st.sampled_from(["name", "owner", "label", "note", "contact"])
)
def test_a_person_who_is_named_once_is_not_named(path, key):
    answer = {key: "Wilma Quux-Example"}
    for container in path:
        answer = {container: [answer]}
    text = shown(scrubber().takes([a_take(answer)]))
    assert "Wilma" not in text


def test_a_login_goes_out_of_links_too():
    answer = {"user_name": "wquux", "self": "https://acme.freshdesk.com/users?login=wquux"}
    text = shown(scrubber().takes([a_take(answer, Link=["<https://acme.freshdesk.com/u?of=wquux>; rel=next"])]))
    assert "wquux" not in text


@pytest.mark.parametrize(
    "text",
    [SECRET, SECRET.upper(), "czNjcmV0LW9mLXRoZS1hY2NvdW50", "eDpzM2NyZXQtb2YtdGhlLWFjY291bnQ=", "the ACME pumps",
     "see acme.freshdesk.com"],
)  # fmt: skip
def test_what_is_known_stops_it_also_in_another_form(text):
    with pytest.raises(Leak) as leak:
        scrubber().search(f"before {text} behind")
    assert text not in str(leak.value)


def test_what_only_looks_like_it_does_not_stop_it():
    scrubber().search("acmeology is a word; freshdesk.com is a vendor; scrubbed is scrubbed")


def test_links_into_the_system_stay_and_all_others_go():
    answer = {
        "next": "https://acme.freshdesk.com/api?page=3&api_key=abcdef",
        "photo": "https://pics.example.net/wilma.png",
    }
    (take,) = scrubber().takes([a_take(answer)])
    told = json.loads(take.response["body"]["string"])
    assert told == {
        "next": "https://freshdesk.example/api?page=3&api_key=scrubbed",
        "photo": "https://elsewhere.example/",
    }


def test_a_token_that_the_vendor_gives_is_scrubbed_wherever_it_comes_back():
    given_token = a_take(
        {"access_token": "tok-en-1", "expires_in": 5}, body=b"grant_type=refresh_token&refresh_token=abcd1"
    )
    used = a_take({"echo": "your token is tok-en-1", "status": "abcd1 works"})
    text = shown(scrubber().takes([given_token, used]))
    assert "tok-en-1" not in text
    assert "abcd1" not in text
    assert "grant_type=refresh_token" in text


def test_the_firms_name_is_no_ones_and_a_word_that_is_also_the_systems_can_be_kept():
    (take,) = scrubber().takes([a_take({"status": "at Acme", "id": "acme-7"})])
    assert json.loads(take.response["body"]["string"]) == {"status": "at example", "id": "example-7"}
    made = scrubber(keep=frozenset({"acme"}))
    (take,) = made.takes([a_take({"status": "at Acme"})])
    assert "at Acme" in take.response["body"]["string"]
    made.search("the Acme pumps")


@example(["\x85", "\u2028", "\r", " \n", "\ud83d", "\x00\ufeff"])
@given(answers)
def test_a_tape_is_read_as_it_was_written(answer):
    takes = scrubber().takes([a_take(answer)])
    text = written(takes, "synthetic: a test").encode().decode()
    requests, responses = deserialize(text, yamlserializer)
    assert [one._to_dict()["uri"] for one in requests] == [take.request["uri"] for take in takes]
    assert [one["body"]["string"].decode() for one in responses] == [take.response["body"]["string"] for take in takes]


def test_what_is_no_json_is_masked_as_a_whole():
    take = a_take("")
    take.response["body"]["string"] = b"<html>Dear Wilma</html>"
    (done,) = scrubber().takes([take])
    assert done.response["body"]["string"] == "<html>Xxxx Xxxxx</html>"
