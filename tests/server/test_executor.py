"""The short way for plain fields against Strawberry's own execution: the same answers and the same errors, always."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import orjson
import pytest
import strawberry
from graphql import execute, parse
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Standard

from server.graphql import plans
from server.graphql.documents import Document
from server.graphql.executor import Executor
from server.graphql.schema import schema
from tests.server.odd_world import Sphere, World, odd_schema
from tests.server.random_documents import Documents, without_needed_arguments

# What Strawberry cancels before it began is never awaited, by its own execution as by ours.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module")
def odd():
    return odd_schema()._schema


@pytest.fixture
def settled():
    yield
    gc.collect()


@pytest.fixture
def standard_calls(monkeypatch):
    """The fields that were resolved in the standard way, by name."""
    names = []
    real = Standard.execute_field

    def counted(self, parent_type, source, details, path, position_context):
        names.append(details[0].node.name.value)
        return real(self, parent_type, source, details, path, position_context)

    monkeypatch.setattr(Standard, "execute_field", counted)
    return names


def told(result):
    """What is compared: the data with the order of its fields, and of errors all that a client could see."""
    errors = [(error.message, error.path, error.locations) for error in result.errors or ()]
    return orjson.dumps(result.data), errors


def started(executor, graphql, document, root, variables=None, **more):
    context = SimpleNamespace(document=document)
    arguments = {"root_value": root, "variable_values": variables, "is_awaitable": optimized_is_awaitable, **more}
    return execute(graphql, document.ast, context_value=context, executor_class=executor, **arguments)


async def run(*arguments, **more):
    result = started(*arguments, **more)
    return told(await result if optimized_is_awaitable(result) else result)


async def test_given_any_document_and_any_world_when_it_is_executed_then_as_strawberry_would(odd, settled):
    documents = Documents(odd, 1, without_needed_arguments, width=4)
    roots = [World(seed, oddity).root() for seed in range(12) for oddity in (0, 0.02, 0.2)]
    failed = whole = 0
    for number in range(1_200):
        kind, root = ("mutation", odd.mutation_type) if number % 10 == 0 else ("query", odd.query_type)
        document = Document(parse(documents.document(root, kind, depth=4)))
        for _ in range(2):  # the plans of one document meet other variables and other objects
            value, variables = documents.random.choice(roots), documents.variables()
            wanted = await run(Standard, odd, document, value, variables)
            assert await run(Executor, odd, document, value, variables) == wanted, document.ast.loc.source.body
            failed, whole = failed + bool(wanted[1]), whole + (not wanted[1])
    assert min(failed, whole) > 300


async def test_given_a_fragment_that_meets_other_selections_elsewhere_when_it_is_executed_then_as_strawberry_would(odd):
    text = "{ box { ...F leaf { b } } found { ...F } thing { ...F name } } fragment F on Box { leaf { a } name }"
    document, root = Document(parse(text)), World(4, 0).root()
    root.boxes = [root.box]
    wanted = await run(Standard, odd, document, root, {})
    assert b'"leaf":{"a":"a","b":7}' in wanted[0]
    assert b'"leaf":{"a":"a"}' in wanted[0]
    assert await run(Executor, odd, document, root, {}) == wanted


async def test_given_an_object_cast_to_another_type_when_it_is_executed_then_as_strawberry_would(odd):
    document, root = Document(parse("{ boxes { name } }")), World(4, 0).root()
    root.boxes = [World(5, 0).box(), strawberry.cast(Sphere, World(6, 0).box())]
    wanted = await run(Standard, odd, document, root, {})
    assert (wanted[0], len(wanted[1])) == (b"null", 1)
    assert await run(Executor, odd, document, root, {}) == wanted


async def test_given_any_subscription_when_an_item_is_rendered_then_as_strawberry_would(odd, settled):
    documents = Documents(odd, 2, without_needed_arguments)
    for seed in range(100):
        document = Document(parse(documents.document(odd.subscription_type, "subscription")))
        variables, item, answers = documents.variables(), World(seed, 0.05).box(), []
        for executor in (Standard, Executor):
            built = executor.build(
                odd,
                document.ast,
                context_value=SimpleNamespace(document=document),
                raw_variable_values=variables,
                is_awaitable=optimized_is_awaitable,
            )
            result = built.build_per_event_executor(item).execute_operation(False)
            answers.append(told(await result if optimized_is_awaitable(result) else result))
        assert answers[1] == answers[0], document.ast.loc.source.body


def test_given_a_page_of_plain_fields_when_it_is_executed_then_none_of_them_is_resolved(odd, standard_calls):
    document = Document(parse("{ found { name size price leaf { a c } wraps { cursor node { b __typename } } } }"))
    root = World(4, 0).root()
    root.boxes = [World(seed, 0).box() for seed in (5, 6)]
    result = started(Executor, odd, document, root)
    assert (result.errors, len(result.data["found"]), standard_calls) == (None, 2, ["found"])


async def test_given_fields_with_resolvers_beside_plain_ones_when_they_are_executed_then_only_they_are_resolved(
    odd, standard_calls
):
    document = Document(parse("{ box { name loud leaf { a doubled } maybe { b } slow friend { id } } }"))
    await run(Executor, odd, document, World(1, 0).root())
    assert standard_calls == ["box", "loud", "leaf", "doubled", "slow", "friend"]


def test_given_a_document_that_was_planned_when_it_comes_again_then_nothing_is_planned(odd, monkeypatch):
    made, real = [], plans._planned
    monkeypatch.setattr(plans, "_planned", lambda *arguments: made.append(1) or real(*arguments))
    document = Document(parse("query ($a: Boolean!) { box { name leaf { a b @skip(if: $a) } } }"))
    planned = []
    for a in (True, True, False, False, True):
        started(Executor, odd, document, World(1, 0).root(), {"a": a})
        planned.append(len(made))
    assert planned == [4, 4, 9, 9, 9]


def test_given_middleware_when_there_is_some_then_every_field_goes_through_it(odd):
    seen = []

    def middleware(next_, source, info, **arguments):
        seen.append(info.field_name)
        return next_(source, info, **arguments)

    started(Executor, odd, Document(parse("{ box { name leaf { a } } }")), World(1, 0).root(), middleware=[middleware])
    assert seen == ["box", "name", "leaf", "a"]


def test_given_many_settings_of_the_switches_when_they_come_then_only_so_many_plans_are_kept():
    names = [f"s{number}" for number in range(8)]
    declared = ", ".join(f"${name}: Boolean!" for name in names)
    asked = " ".join(f"{name}: __typename @skip(if: ${name})" for name in names)
    document = Document(parse(f"query ({declared}) {{ {asked} }}"))
    for number in range(200):
        document.plans.under(document.ast, {name: bool(number >> bit & 1) for bit, name in enumerate(names)})
    assert 0 < len(document.plans) <= 16
    same = dict.fromkeys(names, False)
    assert document.plans.under(document.ast, same) is document.plans.under(document.ast, same)


# --- the house's own schema -----------------------------------------------------------------------------------------------


@pytest.fixture
async def small_world(make):
    """Two people with balances and what that wrote, and an account with entries of its own."""
    anna, _ = await make.person("100 EUR", "5 USDT"), await make.person("7.50 EUR", name="Ben")
    for amount in ("1 EUR", "-2 EUR", "3 USDT"):
        await make.adjust(anna, amount)
    accounts = await make.ask("{ ledgerAccounts { edges { node { id } } } }", by=make.operator)
    return {"number": anna.id, "account": accounts["edges"][0]["node"]["id"]}


async def test_given_any_document_of_ours_when_it_is_executed_then_as_strawberry_would(
    make, small_world, monkeypatch, knobs
):
    ours = schema()
    knobs(query_aliases_max=500, query_directives_max=200, query_root_fields_max=100, query_cost_max=1_000_000)
    given = {
        "person": f"(ref: {{number: {small_world['number']}}})",
        "balance": f"(person: {{number: {small_world['number']}}})",
        "corrections": f"(person: {{number: {small_world['number']}}}, first: 3)",
        "ledgerAccount": f'(id: "{small_world["account"]}")',
        "ledgerTransfers": f'(subject: "person:{small_world["number"]}", last: 2)',
        "nodes": f'(ids: ["{small_world["account"]}", "none"])',
        "lagSeconds": None,  # not the same from one moment to the next
        "__schema": None,
    }

    def arguments(field, name):
        if name in given and (given[name] is None or field.args):
            return given[name]
        return "(first: 2)" if "first" in field.args else without_needed_arguments(field, name)

    documents = Documents(ours._schema, 3, arguments, width=4)
    answered = 0
    for _ in range(100):
        text, variables, answers = documents.document(ours._schema.query_type), documents.variables(), []
        for executor in (Standard, Executor):
            monkeypatch.setattr(ours, "execution_context_class", executor)
            headers = {"x-request-id": "always-the-same"}
            answers.append(await make.send(text, by=make.operator, headers=headers, **variables))
        assert answers[1].content == answers[0].content, text
        assert b'"INTERNAL"' not in answers[1].content, text
        answered += bool(answers[0].json().get("data"))
    assert answered > 50
