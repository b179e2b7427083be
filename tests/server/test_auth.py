"""Tokens: one that does not hold is told nothing, and opens nothing."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import time
from types import SimpleNamespace

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from server import auth
from settings import DEVELOPMENT_SECRET

ID = "test-request-0001"
WHO = "{ viewer { subject roles party shops person { name } } }"
UPSERT = 'mutation { upsertPerson(input: {externalId: "auth", name: "Auth"}) { __typename } }'
REFUSED = {
    "errors": [
        {
            "message": "A valid bearer token is needed.",
            "extensions": {"code": "UNAUTHENTICATED", "status": 401, "requestId": ID},
        }
    ]
}


def claims(**changes):
    now = int(time.time())
    whole = {"sub": "x", "roles": ["operator"], "iss": "saldo", "aud": "saldo", "exp": now + 600} | changes
    return {name: value for name, value in whole.items() if value is not ...}


def token(*, secret=DEVELOPMENT_SECRET, algorithm="HS256", headers=None, **changes):
    return jwt.encode(claims(**changes), secret, algorithm, headers)


def by_hand(header, secret=DEVELOPMENT_SECRET, **changes):
    """A token as no library would write it, well signed."""
    parts = (
        header if isinstance(header, bytes) else json.dumps(header).encode(),
        json.dumps(claims(**changes)).encode(),
    )
    signed = b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts)
    seal = hmac.digest(secret.encode(), signed, "sha256")
    return (signed + b"." + base64.urlsafe_b64encode(seal).rstrip(b"=")).decode()


@pytest.fixture
def knock(http, database):
    """Ask with this Authorization header, or with none."""

    async def ask(authorization=None, query=WHO):
        headers = {"x-request-id": ID} | ({} if authorization is None else {"authorization": authorization})
        return await http.post("/graphql", json={"query": query}, headers=headers)

    return ask


@pytest.fixture
def shut_out(knock, nothing_written, monkeypatch):
    """This Authorization header is refused, before anything is executed, and nothing is written."""

    async def refused(authorization):
        async with nothing_written():
            with monkeypatch.context() as patch:
                patch.setattr("server.graphql.answering.schema", lambda: pytest.fail("something was executed"))
                answers = [await knock(authorization, query) for query in (WHO, UPSERT, "{", "{ nope }")]
        for answer in answers:
            assert (answer.status_code, answer.json()) == (401, REFUSED)

    return refused


# --- tokens ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer null",
        "Bearer a.b.c",
        "Bearer ..",
        "Bearer " + "." * 8_000,
        "Basic b3BlcmF0b3I6eA==",
        b"Bearer \xe9.\xe9.\xe9",
        "Bearer " + "A" * 8_193,
    ],
)
async def test_given_no_token_when_anything_is_asked_then_nothing_is_looked_up(shut_out, authorization):
    await shut_out(authorization)


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": ...},
        {"exp": None},
        {"exp": []},
        {"exp": "soon"},
        {"exp": int(time.time()) - 6},
        {"exp": 0},
        {"exp": 10**20},
        {"nbf": int(time.time()) + 86_400},
        {"nbf": []},
        {"iat": int(time.time()) + 86_400},
        {"aud": ...},
        {"aud": "others"},
        {"aud": []},
        {"aud": {"saldo": 1}},
        {"iss": ...},
        {"iss": "others"},
        {"sub": ...},
        {"sub": ""},
        {"sub": "a b"},
        {"sub": "a:b"},
        {"sub": "x" * 65},
        {"roles": ...},
        {"roles": []},
        {"roles": "operator"},
        {"roles": [1]},
        {"roles": ["system"]},
        {"roles": ["OPERATOR"]},
        {"roles": ["operator"] * 11},
        {"person": "7"},
        {"person": 0},
        {"person": -7},
        {"person": 7.0},
        {"person": 2**53},
        {"party": ""},
        {"shops": "s"},
        {"shops": ["a b"]},
        {"shops": ["s"] * 1_001},
        {"padding": "x" * 8_192},
    ],
)
async def test_given_a_signed_token_that_says_something_wrong_when_it_is_shown_then_401(shut_out, changes):
    await shut_out(f"Bearer {by_hand({'alg': 'HS256'}, **changes)}")


@pytest.mark.parametrize(
    "made",
    [
        token(secret="another-secret-of-more-than-32-bytes-entirely"),
        token()[:-3] + "AAA",
        token().rsplit(".", 1)[0] + ".",
        token() + ".x",
        token(headers={"alg": "HS384"}),
        token(algorithm="HS512", secret=DEVELOPMENT_SECRET * 2),
        jwt.encode(claims(), None, "none"),
        by_hand({"alg": "none"}),
        by_hand({"alg": None}),
        by_hand({"alg": ["HS256"]}),
        by_hand({"alg": "HS256", "b64": False}),
        by_hand({"alg": "HS256", "crit": ["x"]}),
        by_hand({"alg": "RS256", "kid": "a"}),
        by_hand({"alg": "ES256"}),
        by_hand({}),
        by_hand([]),
        by_hand(b"["),
        by_hand(b'{"alg":' + b"[" * 2_500),
        by_hand(b'{"alg":' + b"9" * 5_000 + b"}"),
    ],
)
async def test_given_a_token_that_we_did_not_sign_when_it_is_shown_then_401(shut_out, made):
    await shut_out(f"Bearer {made}")


async def test_given_a_spent_token_when_it_is_within_the_leeway_then_it_holds(knock):
    answer = await knock(f"Bearer {token(exp=int(time.time()) - 2)}")
    assert answer.json()["data"]["viewer"]["subject"] == "x"


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_given_a_good_token_when_it_is_shown_then_it_says_who_asks(knock, scheme):
    made = token(
        sub="m|7@x.y-z_1", roles=["merchant", "user", "system", "admin"], party="p", shops=["b", "a"], person=9
    )
    assert (await knock(f"{scheme} {made}")).json()["data"]["viewer"] == {
        "subject": "m|7@x.y-z_1",
        "roles": ["MERCHANT", "USER"],
        "party": "p",
        "shops": ["a", "b"],
        "person": None,
    }


async def test_given_development_when_only_the_schema_is_asked_for_then_no_token_is_needed_but_a_bad_one_is_refused(
    knock,
):
    asked = "{ __typename __schema { queryType { name } } }"
    assert (await knock(query=asked)).json()["data"] == {
        "__typename": "Query",
        "__schema": {"queryType": {"name": "Query"}},
    }
    assert (await knock("Bearer x", asked)).status_code == 401
    assert (await knock(query="{ __typename viewer { subject } }")).status_code == 401
    assert (await knock(query="mutation { __typename }")).status_code == 401


# --- keys of an issuer ----------------------------------------------------------------------------------------------------


RSA, OTHER_RSA = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
EC = ec.generate_private_key(ec.SECP256R1())


def public(key, kid, **more):
    kind = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    return kind.to_jwk(key.public_key(), as_dict=True) | {"kid": kid} | more


class Issuer:
    """Answers with its keys on a loopback port; counts how often it was asked."""

    def __init__(self):
        self.keys, self.body, self.asked = [], None, 0

    async def answer(self, reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        head = f"HTTP/1.1 {'500 No' if body == b'' else '200 OK'}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()


@pytest.fixture
async def issuer(knobs, monkeypatch):
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    issuer.clock = 1_000.0
    monkeypatch.setattr(auth, "time", SimpleNamespace(monotonic=lambda: issuer.clock))
    monkeypatch.setattr(auth, "_keys", auth.Keys())
    knobs(jwks_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/keys", jwks_cache_seconds=60)
    yield issuer
    server.close()
    await server.wait_closed()


def signed(key, kid, **changes):
    algorithm = "RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256"
    return f"Bearer {token(secret=key, algorithm=algorithm, headers={'kid': kid}, **changes)}"


async def test_given_an_issuer_when_its_rsa_and_ec_keys_sign_then_both_hold_and_it_is_asked_once(issuer, knock):
    issuer.keys = [public(RSA, "r"), public(EC, "e")]
    for authorization in (signed(RSA, "r"), signed(EC, "e"), signed(RSA, "r")):
        assert (await knock(authorization)).json()["data"]["viewer"]["subject"] == "x"
    assert issuer.asked == 1


async def test_given_an_issuer_when_tokens_are_forged_then_401(issuer, shut_out):
    issuer.keys = [public(RSA, "r"), public(EC, "e"), {"kty": "oct", "k": "c2VjcmV0", "kid": "o", "alg": "HS256"}]
    await shut_out(signed(OTHER_RSA, "r"))
    await shut_out(signed(EC, "r"))
    await shut_out(signed(RSA, "e"))
    await shut_out(signed(RSA, "unknown"))
    await shut_out(signed(RSA, "r", aud="others"))
    await shut_out(f"Bearer {token()}")  # the development secret is none where an issuer is trusted
    await shut_out(f"Bearer {token(secret=b'secret' * 6, headers={'kid': 'o'})}")
    await shut_out(f"Bearer {by_hand({'alg': 'RS256'})}")
    await shut_out(f"Bearer {by_hand({'alg': 'RS256', 'kid': ['r']})}")


async def test_given_new_keys_when_an_unknown_one_signs_then_the_issuer_is_asked_again_but_not_for_each(issuer, knock):
    issuer.keys = [public(RSA, "old")]
    assert (await knock(signed(RSA, "old"))).status_code == 200
    issuer.keys = [public(OTHER_RSA, "new")]
    assert (await knock(signed(OTHER_RSA, "new"))).status_code == 401
    issuer.clock += 11
    assert (await knock(signed(OTHER_RSA, "new"))).status_code == 200
    assert (await knock(signed(RSA, "old"))).status_code == 401
    assert issuer.asked == 2


async def test_given_keys_that_are_kept_when_they_are_old_then_a_withdrawn_one_ends(issuer, knock):
    issuer.keys = [public(RSA, "r")]
    assert (await knock(signed(RSA, "r"))).status_code == 200
    issuer.keys = []
    issuer.clock += 61
    assert (await knock(signed(RSA, "r"))).status_code == 401


@pytest.mark.parametrize(
    "body", [b"", b"not json", b"{}", b'{"keys": []}', b'{"keys": [{"kid": "r"}]}', b"[]", b"7", b'{"keys": 7}']
)
async def test_given_an_issuer_that_is_ill_when_a_token_is_shown_then_401_and_no_trace(issuer, shut_out, body):
    issuer.body = body
    await shut_out(signed(RSA, "r"))


async def test_given_an_issuer_that_is_down_when_a_token_is_shown_then_401_and_no_trace(knobs, monkeypatch, shut_out):
    monkeypatch.setattr(auth, "_keys", auth.Keys())
    knobs(jwks_url="http://127.0.0.1:1/keys")
    await shut_out(signed(RSA, "r"))
