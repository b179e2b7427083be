"""What a subscription brings: the noun as it is, then every change, in order, once."""

from __future__ import annotations

import asyncio

import pytest

from tests.feed.conftest import placed

BALANCE = """subscription ($person: PersonRef, $after: Cursor) { balanceChanged(person: $person, after: $after) {
  __typename ... on BalanceEvent { name version currency available { amount } change { amount } cursor actor }
  ... on Heartbeat { cursor } ... on Lagged { cursor missed } } }"""
EVENTS = """subscription ($nouns: [EventNoun!], $names: [String!], $after: Cursor) {
  events(nouns: $nouns, names: $names, after: $after) {
    __typename ... on Event { name version cursor actor actorSubject facts from to }
    ... on PersonEvent { person { number name version } } ... on Heartbeat { cursor } ... on Lagged { cursor missed } } }"""


async def test_a_person_watches_a_balance_from_its_snapshot_on(make, watch):
    anna = await make.person("10 EUR")
    board = await watch(make.user(anna))
    following = await board.subscribe(BALANCE)
    first = await following.item()
    assert (first["name"], first["version"], first["available"]["amount"], first["change"]["amount"]) == (
        "snapshot", 1, "10.00", "0.00",
    )  # fmt: skip
    assert first["cursor"] == first["extensions"]["cursor"]
    await make.adjust(anna, "5 EUR")
    await make.adjust(anna, "-2 EUR")
    seen = [await following.item(), await following.item()]
    assert [(item["version"], item["available"]["amount"], item["change"]["amount"]) for item in seen] == [
        (2, "15.00", "5.00"), (3, "13.00", "-2.00"),
    ]  # fmt: skip
    assert {item["actor"] for item in seen} == {"OPERATOR"}
    await board.complete(following)


async def test_a_resumed_subscription_brings_what_was_missed_and_goes_on(make, watch):
    anna = await make.person("10 EUR")
    board = await watch(make.user(anna))
    following = await board.subscribe(BALANCE)
    cursor = (await following.item())["cursor"]
    await board.cut()
    for _ in range(3):
        await make.adjust(anna, "1 EUR")
    board = await watch(make.user(anna))
    following = await board.subscribe(BALANCE, after=cursor)
    await make.adjust(anna, "1 EUR")
    assert [(await following.event())["version"] for _ in range(4)] == [2, 3, 4, 5]


async def test_operators_watch_everything(make, watch):
    board = await watch(make.operator)
    following = await board.subscribe(EVENTS)
    assert (await following.item())["__typename"] == "Heartbeat"
    anna = await make.person("10 EUR")
    told = [await following.item() for _ in range(3)]
    assert [(item["__typename"], item["name"], item["version"]) for item in told] == [
        ("PersonEvent", "open", 0), ("BalanceEvent", "change", 1), ("PersonEvent", "adjust", 1),
    ]  # fmt: skip
    assert told[0]["person"] == {"number": anna.id, "name": "Anna", "version": 0}
    assert told[2]["facts"]["reason"] == "a test"


async def test_the_head_is_taken_before_anything_else(make, watch, api):
    anna = await make.person("10 EUR")
    await placed()
    answer = (await make.send(f"{{ person(ref: {{number: {anna.id}}}) {{ version }} head }}", by=make.operator)).json()
    await make.adjust(anna, "1 EUR")
    board = await watch(make.operator)
    following = await board.subscribe(EVENTS, after=answer["data"]["head"], nouns=["PERSON"])
    assert (await following.event())["version"] == answer["data"]["person"]["version"] + 1


@pytest.mark.parametrize("cursor", ["", "x", "A" * 32, "A" * 512, "é" * 32, "a" * 31 + "="])
async def test_a_cursor_that_is_none_is_told_so(make, watch, cursor):
    board = await watch(make.operator)
    error = await (await board.subscribe(EVENTS, after=cursor)).error()
    assert error["extensions"]["code"] == "CURSOR_EXPIRED"


async def test_what_one_may_not_see_is_answered_like_what_does_not_exist(make, watch):
    anna, bert = await make.person("1 EUR"), await make.person()
    board = await watch(make.user(bert))
    foreign = await (await board.subscribe(BALANCE, person={"number": anna.id})).error()
    unknown = await (await board.subscribe(BALANCE, person={"number": 999_999})).error()
    closed = await (await board.subscribe(EVENTS)).error()
    for error in (foreign, unknown):
        assert error["extensions"].pop("requestId")
    assert foreign == unknown
    assert foreign["extensions"]["code"] == "PERSON_NOT_FOUND"
    assert closed["extensions"]["code"] == "FORBIDDEN"
    await asyncio.sleep(0)


async def test_two_who_ask_the_same_and_see_differently_are_answered_apart(make, watch):
    anna, bert = await make.person("1 EUR"), await make.person("2 EUR")
    boards = {person.id: await watch(make.user(person)) for person in (anna, bert)}
    following = {number: await board.subscribe(BALANCE) for number, board in boards.items()}
    assert [(await following[p.id].item())["available"]["amount"] for p in (anna, bert)] == ["1.00", "2.00"]
    await make.adjust(bert, "5 EUR")
    await make.adjust(anna, "7 EUR")
    assert [(await following[p.id].item())["available"]["amount"] for p in (anna, bert)] == ["8.00", "7.00"]


async def test_those_who_see_the_same_are_answered_together_wherever_they_begin(make, served, watch):
    """One execution for all of them: the variable that says where to begin does not part them."""
    anna = await make.person("1 EUR")
    board = await watch(make.operator)
    first = await board.subscribe(BALANCE, person={"number": anna.id})
    cursor = (await first.item())["cursor"]
    other = await (await watch(make.auditor)).subscribe(BALANCE, person={"number": anna.id}, after=cursor)
    third = await (await watch(make.operator)).subscribe(BALANCE, person={"number": anna.id}, after=cursor)
    async with asyncio.timeout(5):
        while sorted(len(c.members) for c in served.app.state.feed.cohorts._known.values()) != [1, 2]:
            await asyncio.sleep(0.01)
    await make.adjust(anna, "1 EUR")
    assert [(await one.event())["version"] for one in (first, other, third)] == [2, 2, 2]
    await board.close()
    async with asyncio.timeout(5):
        while sorted(len(c.members) for c in served.app.state.feed.cohorts._known.values()) != [1, 1]:
            await asyncio.sleep(0.01)


async def test_what_is_nested_in_an_event_is_as_it_is_now(make, watch):
    """A context of its own for every event: nothing loaded for one is shown with the next."""
    anna = await make.person("1 EUR")
    board = await watch(make.user(anna))
    following = await board.subscribe(
        "subscription { balanceChanged { __typename ... on BalanceEvent { version person { name } } } }"
    )
    assert (await following.item())["person"]["name"] == "Anna"
    upsert = "mutation ($e: String!, $n: String!) { upsertPerson(input: {externalId: $e, name: $n}) { __typename } }"
    external = f"{{ person(ref: {{number: {anna.id}}}) {{ identities {{ value }} }} }}"
    known = (await make.ask(external, by=make.operator))["identities"][0]["value"]
    await make.ask(upsert, by=make.operator, e=known, n="Anna Neu")
    await make.adjust(anna, "1 EUR")
    assert (await following.item())["person"]["name"] == "Anna Neu"


async def test_what_is_kept_for_a_subscription_does_not_grow_with_its_events(make, watch, served):
    anna = await make.person("10 EUR")
    await placed()
    following = await (await watch(make.operator)).subscribe(EVENTS)
    assert (await following.item())["__typename"] == "Heartbeat"  # from here on it is told everything
    kept = []
    for _ in range(3):
        await make.adjust(anna, "1 EUR")
        while (await following.item())["__typename"] != "PersonEvent":
            pass
        (cohort,) = served.app.state.feed.cohorts._known.values()
        kept.append(len(cohort.rendering.executor._relevant_sub_fields))
    assert kept[0] == kept[1] == kept[2]
