"""Every way in which a call may be wrong, for every way of proving it: refused, below five hundred, nothing changes."""

import base64
import json
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from deskbell.net.inbound import REMEMBERED_S, WAYS, WINDOW_S, Call, Genuine
from tests.hooks.conftest import NEXT, PROOFS, SECRET, Caller, Headers, Letter, iso
from tests.town import Town

STAMPED = {"signed", "zendesk", "zendesk_old", "hubspot"}
SIGNED = STAMPED | {"intercom", "jobber"}
WRONG = "another-one-of-16-characters"
BODY = {"id": 4711}
TEXT = json.dumps(BODY).encode()


def test_every_way_is_attacked() -> None:
    assert set(PROOFS) == set(WAYS)


def proofs(letter: Letter) -> Headers:
    return {name: value for name, value in letter.headers.items() if name != "Content-Type"}


def with_proof(letter: Letter, change: Any) -> Letter:
    """With each proof, or what stands in the path, changed."""
    if not proofs(letter):
        before, _, secret = letter.path.rpartition("/")
        return replace(letter, path=f"{before}/{change(secret)}")
    return replace(
        letter, headers={**letter.headers, **{name: change(value) for name, value in proofs(letter).items()}}
    )


def without(letter: Letter, *names: str) -> Letter:
    return replace(letter, headers={name: value for name, value in letter.headers.items() if name not in names})


def forged(caller: Caller) -> dict[str, tuple[Letter, set[int]]]:
    """By name: what is sent, and what may be answered."""
    good, no = caller.letter(BODY, off=-5), {401}
    path = caller.way == "path"
    bare = replace(without(good, *proofs(good)), path="/hooks/fieldservice")
    vectors = {
        "missing": (bare, no),
        "nothing at all": (replace(bare, body=b"", headers={}), no),
        "wrong key": (caller.letter(BODY, key=WRONG), no),
        "empty proof": (with_proof(good, lambda _: "" if not path else "%20"), no),
        "truncated": (with_proof(good, lambda value: value[:-1]), no),
        "longer": (with_proof(good, lambda value: value + "0"), no),
        "doubled": (with_proof(good, lambda value: f"{value}, {value}" if not path else value * 2), no),
        "another case": (with_proof(good, str.swapcase), no),
        "half of it": (with_proof(good, lambda value: value[: len(value) // 2]), no),
        "not ascii": (with_proof(good, lambda value: "é" * 20 if not path else "%C3%A9%FF%00x"), no),
        "very long": (with_proof(good, lambda _: "A" * 5000), no),
        "other path": (replace(good, path="/hooks/none" + ("/x" if path else "")), no),
        "a source without a hook": (replace(good, path="/hooks/freshdesk" + (f"/{SECRET}" if path else "")), no),
        "deeper path": (replace(good, path=good.path + "/more"), {401, 404}),
        "in the query": (replace(bare, path=f"/hooks/fieldservice?secret={SECRET}&x-deskbell-secret={SECRET}"), no),
        "in the body": (replace(bare, body=json.dumps({**BODY, "secret": SECRET}).encode()), no),
        "huge": (replace(good, body=b"[" + b" " * 300_000 + b"]"), {413}),
        "packed": (replace(good, headers={**good.headers, "Content-Encoding": "gzip"}), {415}),
        "another method": (replace(good, method="PUT"), {405}),
        "read": (replace(good, method="GET", body=b""), {405}),
        "malformed": (caller.letter(b'{"id": 47'), {400}),
        "not UTF-8": (caller.letter(b'{"id": "\xff"}'), {400}),
        "not a number": (caller.letter(b'{"id": NaN}'), {400}),
        "nested too deep": (caller.letter(b"[" * 100_000), {400}),
        "another type": (caller.letter(TEXT, headers={"Content-Type": "text/plain"}), {415}),
        "XML": (caller.letter(b"<id>4711</id>", headers={"Content-Type": "application/xml"}), {415}),
        "a form of many fields": (
            caller.letter(b"a=1&" * 1000, headers={"Content-Type": "application/x-www-form-urlencoded"}),
            {400},
        ),
    }
    if caller.way in SIGNED:
        algorithms = ("sha512", "md5", "sha1" if caller.way != "intercom" else "sha256")
        vectors["other body"] = caller.letter({"id": 4712}, signed=TEXT), no
        vectors["a byte more"] = caller.letter(TEXT + b" ", signed=TEXT), no
        vectors |= {f"by {name}": (caller.letter(BODY, algorithm=name), no) for name in algorithms}
        vectors["the secret itself"] = with_proof(good, lambda _: SECRET), no
        for other in sorted(SIGNED - {caller.way}):
            theirs = Caller(caller.town, caller.session, other).letter(BODY)
            vectors[f"as {other} signs"] = theirs, no
    if caller.way in STAMPED:
        stamp = next(name for name in proofs(good) if "imestamp" in name)
        vectors["old"] = caller.letter(BODY, off=-WINDOW_S - 5), no
        vectors["future"] = caller.letter(BODY, off=WINDOW_S + 5), no
        vectors["no time"] = without(good, stamp), no
        for text in ("", "now", "-1", "1e9", "9" * 400, "٣", "0", iso(time.time())[:-1], "9999-12-31T23:59:59Z"):
            vectors[f"time {text[:20]!r}"] = replace(good, headers={**good.headers, stamp: text}), no
        later = caller.letter(BODY, off=-1)
        vectors["the time of another"] = replace(good, headers={**good.headers, stamp: later.headers[stamp]}), no
    if caller.way == "basic":
        coded = base64.b64encode(SECRET.encode()).decode()
        for name, value in {
            "bearer": f"Bearer {coded}",
            "no scheme": coded,
            "no base64": "Basic $$$",
            "user": "Basic dTo=",
        }.items():
            vectors[name] = replace(good, headers={**good.headers, "Authorization": value}), no
    return vectors


async def state(caller: Caller) -> Any:
    def ask(reader: Any) -> Any:
        hints = [hint for source in caller.town.daemon.sources for hint in reader.hints(source, 100)]
        audit = [row.seq for row in reader.audit_rows() if row.entry.verb != "link"]  # people of Slack are still found
        return hints, reader.count_alerts(), len(audit), reader.count_outbox()

    return await caller.town.daemon.store.read(ask), caller.reads(), caller.town.sandbox.fieldservice.sweeps


@pytest.mark.parametrize("way", WAYS)
async def test_no_forged_call_is_taken(town: Town, caller: Caller, way: str) -> None:
    town.late_job(4711)
    await town.until_async(town.daemon.pending, 0)
    before, vectors = await state(caller), forged(caller)
    assert len(vectors) >= 24
    for name, (letter, allowed) in vectors.items():
        assert await caller.send(letter) in allowed, name
    assert await state(caller) == before
    assert await caller.says(BODY) == 200, "the same, as it should be"
    await town.card("J-4711")


@pytest.mark.parametrize("way", sorted(STAMPED | {"intercom"}))
async def test_a_call_shown_again_is_nothing_new(town: Town, caller: Caller, way: str) -> None:
    letter = caller.letter(BODY, off=-30)
    town.late_job(4711)
    assert await caller.send(letter) == 200
    await town.card("J-4711")
    await town.until_async(caller.waiting, 0)
    await town.until_async(town.daemon.pending, 0)
    before = await state(caller)
    assert [await caller.send(letter) for _ in range(3)] == [200] * 3
    assert await state(caller) == before


# ---------------------------------------------------------------- known answers


NOW = datetime.fromisoformat("2021-07-25T10:00:00Z").timestamp()
ZENDESK = "HRkRd4BeOAoUkfZr-mhauJT64rvBASlJRoIyPsd3zeA="


@pytest.mark.parametrize(
    ("way", "signature"),
    [
        ("zendesk", "Rry/4TtIdFyawtXXp8QdI6tlAUUQ/5kL1OTp5qo/ZIk="),
        ("zendesk_old", "tRDSF7URY8BLCDlaBcQ7FHu051Zk+aAB0NKMP53teMw="),
    ],
)
def test_the_vendors_own_example_is_genuine(way: str, signature: str) -> None:
    headers = {
        "X-Zendesk-Webhook-Signature": signature,
        "X-Zendesk-Webhook-Signature-Timestamp": "2021-07-25T10:00:00Z",
    }
    call = Call("POST", "", headers, b'{"say": "hello"}')
    assert isinstance(WAYS[way].check(call, ["other", ZENDESK], NOW + 10), Genuine)
    assert WAYS[way].check(call, ["other"], NOW) is None
    assert WAYS[way].check(call, [ZENDESK], NOW + WINDOW_S + 1) is None
    assert WAYS[way].check(replace(call, body=b'{"say": "hallo"}'), [ZENDESK], NOW) is None


def test_two_secrets_are_valid_at_a_time() -> None:
    for way in WAYS:
        body, address = TEXT, "https://desk.example.org/bell/hooks/fieldservice"
        for key in (SECRET, NEXT):
            headers = PROOFS[way](key, body, NOW)
            call = Call("POST", address, headers, body, key if way == "path" else "")
            assert WAYS[way].check(call, [SECRET, NEXT], NOW), way
            assert WAYS[way].check(call, [WRONG], NOW) is None, way
            assert WAYS[way].check(call, [], NOW) is None, way


def test_what_may_be_shown_again_is_remembered_for_longer() -> None:
    assert REMEMBERED_S > 2 * WINDOW_S
