"""Parties: merchants, shops, contracts, payout tools, and the terms that they rest on."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.migrations._sql import script
from models.parties.lifecycle import ContractStatus, InUse, Standing, ToolKind
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0008_payments')]

    operations = [
        ops.CreateModel(
            name='Domain',
            fields=[
                ('one', fields.BooleanField(primary_key=True, default=True, unique=True, db_index=True)),
                ('revision', fields.BigIntField(default=0)),
            ],
            options={'table': 'domain', 'app': 'models', 'constraints': [CheckConstraint(check='one', name='domain_is_one')], 'pk_attr': 'one', 'table_description': 'How often terms and institutions were changed: one row.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Party',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('code', fields.CharField(unique=True, max_length=64)),
                ('name', fields.CharField(max_length=128)),
                ('status', fields.CharEnumField(description="of the party's life", enum_type=Standing, max_length=40)),
                ('suspended', fields.BooleanField(default=False, description='at its own wish')),
                ('reason', fields.CharField(null=True, description='why it was blocked, or unblocked', max_length=500)),
            ],
            options={'table': 'party', 'app': 'models', 'constraints': [CheckConstraint(check="btrim(code) <> '' AND btrim(name) <> ''", name='party_named')], 'pk_attr': 'id', 'table_description': 'A merchant. `code` is what everybody else knows it by.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='PaymentInstitution',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('code', fields.CharField(unique=True, max_length=64)),
                ('name', fields.CharField(max_length=128)),
                ('status', fields.CharEnumField(description='of its life', enum_type=InUse, max_length=40)),
                ('accounts', fields.JSONField(description='currency -> account type -> id of its ledger account', encoder=JSON_DUMPS, decoder=loads)),
                ('criteria', fields.JSONField(description='name -> predicate', encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'payment_institution', 'app': 'models', 'pk_attr': 'id', 'table_description': 'Whose system accounts take fees, currency by currency; and the named predicates that terms may refer to.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='TermSet',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('code', fields.CharField(unique=True, max_length=64)),
                ('name', fields.CharField(max_length=128)),
                ('status', fields.CharEnumField(description='of its life', enum_type=InUse, max_length=40)),
                ('parent', fields.ForeignKeyField('models.TermSet', source_field='parent_id', null=True, db_constraint=True, to_field='id', related_name='children', on_delete=OnDelete.RESTRICT)),
                ('timed', fields.JSONField(description='[{since, until, terms}]: the last one in its time holds', encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'term_set', 'app': 'models', 'pk_attr': 'id', 'table_description': 'What contracts say, by times; what it leaves out its parent says.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Contract',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('party', fields.ForeignKeyField('models.Party', source_field='party_id', db_constraint=True, to_field='id', related_name='contracts', on_delete=OnDelete.RESTRICT)),
                ('party_code', fields.CharField(max_length=64)),
                ('code', fields.CharField(max_length=64)),
                ('status', fields.CharEnumField(description="of the contract's life", enum_type=ContractStatus, max_length=40)),
                ('institution', fields.ForeignKeyField('models.PaymentInstitution', source_field='institution_id', db_constraint=True, to_field='id', related_name='contracts', on_delete=OnDelete.RESTRICT)),
                ('terms', fields.ForeignKeyField('models.TermSet', source_field='terms_id', db_constraint=True, to_field='id', related_name='contracts', on_delete=OnDelete.RESTRICT)),
                ('valid_since', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('valid_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('adjustments', fields.JSONField(description='[{adjustment_id, created_at, valid_since, valid_until, terms_id}]', encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'contract', 'app': 'models', 'constraints': [UniqueConstraint(fields=('party_id', 'code'), name='contract_once'), CheckConstraint(check='valid_until > valid_since', name='contract_valid_for_a_time')], 'pk_attr': 'id', 'table_description': "Under which terms a party's shops work."},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='PayoutTool',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('contract', fields.ForeignKeyField('models.Contract', source_field='contract_id', db_constraint=True, to_field='id', related_name='tools', on_delete=OnDelete.RESTRICT)),
                ('party_code', fields.CharField(max_length=64)),
                ('code', fields.CharField(max_length=64)),
                ('status', fields.CharEnumField(description='of its life', enum_type=InUse, max_length=40)),
                ('kind', fields.CharEnumField(description='how it takes money', enum_type=ToolKind, max_length=40)),
                ('currency', fields.CharField(max_length=12)),
                ('details', fields.JSONField(description='what whoever sends the money needs to know, by its kind', encoder=JSON_DUMPS, decoder=loads)),
            ],
            options={'table': 'payout_tool', 'app': 'models', 'constraints': [UniqueConstraint(fields=('contract_id', 'code'), name='payout_tool_once')], 'pk_attr': 'id', 'table_description': 'Where money can go: a bank account, a wallet, an account at the institution itself.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Shop',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('party', fields.ForeignKeyField('models.Party', source_field='party_id', db_constraint=True, to_field='id', related_name='shops', on_delete=OnDelete.RESTRICT)),
                ('party_code', fields.CharField(max_length=64)),
                ('code', fields.CharField(max_length=64)),
                ('name', fields.CharField(max_length=128)),
                ('location', fields.CharField(null=True, max_length=256)),
                ('category', fields.IntField()),
                ('currency', fields.CharField(max_length=12)),
                ('status', fields.CharEnumField(description="of the shop's life", enum_type=Standing, max_length=40)),
                ('suspended', fields.BooleanField(default=False, description="at its party's wish")),
                ('reason', fields.CharField(null=True, description='why it was blocked, or unblocked', max_length=500)),
                ('contract', fields.ForeignKeyField('models.Contract', source_field='contract_id', db_constraint=True, to_field='id', related_name='shops', on_delete=OnDelete.RESTRICT)),
                ('payout_tool', fields.ForeignKeyField('models.PayoutTool', source_field='payout_tool_id', null=True, db_constraint=True, to_field='id', related_name='shops', on_delete=OnDelete.RESTRICT)),
                ('settlement_account', fields.BigIntField()),
                ('guarantee_account', fields.BigIntField()),
                ('payout_account', fields.BigIntField()),
                ('revision', fields.BigIntField(default=0, description='of all that its payouts rest on')),
                ('scheduled', fields.BooleanField(default=False, description='its payouts are made by a schedule: it needs a tool')),
            ],
            options={'table': 'shop', 'app': 'models', 'constraints': [UniqueConstraint(fields=('party_code', 'code'), name='shop_once'), CheckConstraint(check='NOT scheduled OR payout_tool_id IS NOT NULL', name='shop_scheduled_with_a_tool')], 'indexes': [Index(fields=['contract_id', 'id']), Index(fields=['party_id', 'id'])], 'pk_attr': 'id', 'table_description': 'A place where a party earns money, in one currency, on accounts of its own.'},
            bases=['LivingRow'],
        ),
        ops.AddConstraint(
            model_name='Domain',
            constraint=CheckConstraint(check='one', name='domain_is_one'),
        ),
        ops.AddConstraint(
            model_name='Party',
            constraint=CheckConstraint(check="btrim(code) <> '' AND btrim(name) <> ''", name='party_named'),
        ),
        ops.AddConstraint(
            model_name='Contract',
            constraint=UniqueConstraint(fields=('party_id', 'code'), name='contract_once'),
        ),
        ops.AddConstraint(
            model_name='Contract',
            constraint=CheckConstraint(check='valid_until > valid_since', name='contract_valid_for_a_time'),
        ),
        ops.AddConstraint(
            model_name='PayoutTool',
            constraint=UniqueConstraint(fields=('contract_id', 'code'), name='payout_tool_once'),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=UniqueConstraint(fields=('party_code', 'code'), name='shop_once'),
        ),
        ops.AddConstraint(
            model_name='Shop',
            constraint=CheckConstraint(check='NOT scheduled OR payout_tool_id IS NOT NULL', name='shop_scheduled_with_a_tool'),
        ),
        ops.RunSQL(script("0009_parties.sql")),
    ]
