"""Payments: gateways, deposits, wallets and sweeps, and how far chains were read."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.migrations._sql import script
from models.payments.lifecycle import GatewayStatus, PaymentException, PaymentStatus, Purpose, Step, SweepStatus, WalletStatus
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0007_deals')]

    operations = [
        ops.CreateModel(
            name='ChainCursor',
            fields=[
                ('network', fields.CharField(primary_key=True, unique=True, db_index=True, max_length=20)),
                ('first_block', fields.BigIntField()),
                ('block', fields.BigIntField()),
                ('block_at', fields.DatetimeField(description="the chain's time of `block`", auto_now=False, auto_now_add=False)),
                ('seen_block', fields.BigIntField()),
                ('scanned_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'chain_cursor', 'app': 'models', 'pk_attr': 'network', 'table_description': 'How far a chain was read: every solid block from `first_block` to `block`, and what is not solid yet up to `seen_block`.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PaymentGateway',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('code', fields.CharField(unique=True, max_length=40)),
                ('name', fields.CharField(max_length=128)),
                ('logo', fields.CharField(null=True, max_length=500)),
                ('service', fields.CharField(description='the adapter that speaks to the outside', max_length=40)),
                ('status', fields.CharEnumField(description='whether it is offered', enum_type=GatewayStatus, max_length=40)),
                ('limits', fields.JSONField(description='currency -> [least, most] in minor units', encoder=JSON_DUMPS, decoder=loads)),
                ('confirmations', fields.IntField(default=0, description='blocks until a deposit counts; for people to read')),
            ],
            options={'table': 'payment_gateway', 'app': 'models', 'constraints': [CheckConstraint(check="btrim(code) <> '' AND btrim(name) <> ''", name='payment_gateway_named')], 'pk_attr': 'id', 'table_description': 'A way to pay in, as it is offered. `limits` says for each currency what one payment may be.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Payment',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('gateway', fields.ForeignKeyField('models.PaymentGateway', source_field='gateway_id', db_constraint=True, to_field='id', related_name='payments', on_delete=OnDelete.RESTRICT)),
                ('person', fields.ForeignKeyField('models.Person', source_field='person_id', db_constraint=True, to_field='id', related_name='payments', on_delete=OnDelete.RESTRICT)),
                ('service', fields.CharField(null=True, description='the service that made it for the person', max_length=64)),
                ('currency', fields.CharField(max_length=12)),
                ('amount_minor', fields.BigIntField(description='what was asked for')),
                ('received_minor', fields.BigIntField(default=0, description='what was credited')),
                ('status', fields.CharEnumField(description="of the payment's life", enum_type=PaymentStatus, max_length=40)),
                ('exception', fields.CharEnumField(default=PaymentException.NONE, description='what is not as it was asked for', enum_type=PaymentException, max_length=40)),
                ('gateway_data', fields.JSONField(description='where to pay: as the gateway says it', encoder=JSON_DUMPS, decoder=loads)),
                ('reference', fields.CharField(null=True, unique=True, description='by which a bank names it', max_length=40)),
                ('sweep_deferred', fields.CharField(null=True, description='why coins stay where they are for now', max_length=40)),
                ('needs_attention', fields.BooleanField(default=False)),
                ('reason', fields.CharField(null=True, description='why an operator ended it', max_length=500)),
                ('expires_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('settled_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('failures', fields.IntField(default=0, description='in a row')),
                ('failed_step', fields.CharField(null=True, max_length=40)),
                ('last_error', fields.CharField(null=True, max_length=500)),
                ('last_checked_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('next_check_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('marks', fields.IntField(default=0, description='how often it was said, since it was last done, that there is something to do')),
                ('attempts', fields.IntField(default=0)),
                ('lease_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('lease_token', fields.UUIDField(null=True)),
            ],
            options={'table': 'payment', 'app': 'models', 'constraints': [CheckConstraint(check='amount_minor > 0 AND received_minor >= 0', name='payment_amount_positive'), CheckConstraint(check="(status = 'success') = (settled_at IS NOT NULL)", name='payment_settled_when_it_succeeds')], 'indexes': [Index(fields=['person_id', 'id']), Index(fields=['status', 'id']), Index(fields=['updated_at', 'id']), Index(fields=['service', 'id']), Index(fields=['gateway_id', 'id'])], 'pk_attr': 'id', 'table_description': 'What a person was to pay in, and what came of it. `id` is its number.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Deposit',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('payment', fields.ForeignKeyField('models.Payment', source_field='payment_id', null=True, db_constraint=True, to_field='id', related_name='deposits', on_delete=OnDelete.RESTRICT)),
                ('gateway', fields.ForeignKeyField('models.PaymentGateway', source_field='gateway_id', db_constraint=True, to_field='id', related_name='deposits', on_delete=OnDelete.RESTRICT)),
                ('network', fields.CharField(max_length=20)),
                ('tx_id', fields.CharField(max_length=128)),
                ('log_index', fields.IntField()),
                ('contract', fields.CharField(null=True, max_length=64)),
                ('sender', fields.CharField(default='', max_length=128)),
                ('reference', fields.CharField(default='', description='what the payer wrote, where nobody was found', max_length=140)),
                ('amount_minor', fields.BigIntField()),
                ('currency', fields.CharField(max_length=12)),
                ('block', fields.BigIntField(null=True)),
                ('solid', fields.BooleanField(default=False, description='read from a solid block, which never changes again')),
                ('seen_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('credited_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('dropped_at', fields.DatetimeField(null=True, description='the chain has no such transfer any more', auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'deposit', 'app': 'models', 'constraints': [UniqueConstraint(fields=('network', 'tx_id', 'log_index'), name='deposit_once'), CheckConstraint(check='amount_minor > 0', name='deposit_positive'), CheckConstraint(check='credited_at IS NULL OR payment_id IS NOT NULL', name='deposit_credited_to_a_payment')], 'indexes': [Index(fields=['payment_id', 'id'])], 'pk_attr': 'id', 'table_description': 'Something that arrived. Its network, transaction and log name it for ever; it is credited once.'},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='PaymentStep',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('payment', fields.ForeignKeyField('models.Payment', source_field='payment_id', db_constraint=True, to_field='id', related_name='steps', on_delete=OnDelete.RESTRICT)),
                ('step', fields.CharEnumField(description='of the check', enum_type=Step, max_length=40)),
                ('done_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('detail', fields.CharField(default='', max_length=500)),
            ],
            options={'table': 'payment_step', 'app': 'models', 'constraints': [UniqueConstraint(fields=('payment_id', 'step'), name='payment_step_once')], 'pk_attr': 'id', 'table_description': "When a step of a payment's check was last done: what a crash leaves to be read."},
            bases=['Model'],
        ),
        ops.CreateModel(
            name='Wallet',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('payment', fields.OneToOneField('models.Payment', source_field='payment_id', db_constraint=True, to_field='id', related_name='wallet', on_delete=OnDelete.RESTRICT)),
                ('network', fields.CharField(max_length=20)),
                ('address', fields.CharField(unique=True, max_length=64)),
                ('derivation_index', fields.BigIntField(unique=True)),
                ('currency', fields.CharField(max_length=12)),
                ('received_minor', fields.BigIntField(default=0)),
                ('swept_minor', fields.BigIntField(default=0)),
                ('status', fields.CharEnumField(description='of what is on it', enum_type=WalletStatus, max_length=40)),
            ],
            options={'table': 'wallet', 'app': 'models', 'constraints': [CheckConstraint(check='swept_minor >= 0 AND swept_minor <= received_minor', name='wallet_swept_what_it_received')], 'pk_attr': 'id', 'table_description': 'An address of a chain that was given out for one payment, and for no other ever.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Sweep',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('payment', fields.ForeignKeyField('models.Payment', source_field='payment_id', db_constraint=True, to_field='id', related_name='sweeps', on_delete=OnDelete.RESTRICT)),
                ('wallet', fields.ForeignKeyField('models.Wallet', source_field='wallet_id', db_constraint=True, to_field='id', related_name='sweeps', on_delete=OnDelete.RESTRICT)),
                ('purpose', fields.CharEnumField(description='what it is for', enum_type=Purpose, max_length=40)),
                ('to_address', fields.CharField(max_length=64)),
                ('amount_minor', fields.BigIntField()),
                ('currency', fields.CharField(max_length=12)),
                ('status', fields.CharEnumField(description='of the attempt', enum_type=SweepStatus, max_length=40)),
                ('tx_id', fields.CharField(null=True, unique=True, max_length=128)),
                ('raw_tx', fields.TextField(null=True, unique=False)),
                ('expires_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('signed_block', fields.BigIntField(null=True, description='solid when it was signed: it is in none up to this one')),
                ('seen_block', fields.BigIntField(null=True, description='in which it stands, as the scan read it; solid')),
                ('fee_minor', fields.BigIntField(null=True, description='in sun, burned')),
                ('energy_used', fields.BigIntField(null=True)),
                ('error', fields.CharField(null=True, max_length=500)),
            ],
            options={'table': 'sweep', 'app': 'models', 'constraints': [CheckConstraint(check='amount_minor > 0', name='sweep_amount_positive'), CheckConstraint(check="(status = 'planned') = (raw_tx IS NULL) AND (raw_tx IS NULL) = (tx_id IS NULL) AND (raw_tx IS NULL) = (expires_at IS NULL)", name='sweep_signed_whole')], 'indexes': [Index(fields=['status', 'id']), Index(fields=['payment_id', 'id']), Index(fields=['wallet_id', 'id'])], 'pk_attr': 'id', 'table_description': 'A transaction of ours: coins from a deposit address to the main wallet, or TRX the other way to pay for that.'},
            bases=['LivingRow'],
        ),
        ops.AddConstraint(
            model_name='PaymentGateway',
            constraint=CheckConstraint(check="btrim(code) <> '' AND btrim(name) <> ''", name='payment_gateway_named'),
        ),
        ops.AddConstraint(
            model_name='Payment',
            constraint=CheckConstraint(check='amount_minor > 0 AND received_minor >= 0', name='payment_amount_positive'),
        ),
        ops.AddConstraint(
            model_name='Payment',
            constraint=CheckConstraint(check="(status = 'success') = (settled_at IS NOT NULL)", name='payment_settled_when_it_succeeds'),
        ),
        ops.AddConstraint(
            model_name='Deposit',
            constraint=UniqueConstraint(fields=('network', 'tx_id', 'log_index'), name='deposit_once'),
        ),
        ops.AddConstraint(
            model_name='Deposit',
            constraint=CheckConstraint(check='amount_minor > 0', name='deposit_positive'),
        ),
        ops.AddConstraint(
            model_name='Deposit',
            constraint=CheckConstraint(check='credited_at IS NULL OR payment_id IS NOT NULL', name='deposit_credited_to_a_payment'),
        ),
        ops.AddConstraint(
            model_name='PaymentStep',
            constraint=UniqueConstraint(fields=('payment_id', 'step'), name='payment_step_once'),
        ),
        ops.AddConstraint(
            model_name='Wallet',
            constraint=CheckConstraint(check='swept_minor >= 0 AND swept_minor <= received_minor', name='wallet_swept_what_it_received'),
        ),
        ops.AddConstraint(
            model_name='Sweep',
            constraint=CheckConstraint(check='amount_minor > 0', name='sweep_amount_positive'),
        ),
        ops.AddConstraint(
            model_name='Sweep',
            constraint=CheckConstraint(check="(status = 'planned') = (raw_tx IS NULL) AND (raw_tx IS NULL) = (tx_id IS NULL) AND (raw_tx IS NULL) = (expires_at IS NULL)", name='sweep_signed_whole'),
        ),
        ops.RunSQL(script("0008_payments.sql")),
    ]
