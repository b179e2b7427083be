"""Payouts, their deliveries and schedules."""

from tortoise import migrations
from tortoise.migrations import operations as ops
from models.parties.lifecycle import ToolKind
from models.payouts.lifecycle import AttemptKind, AttemptState, DeliveryStatus, PayoutStatus, RunOutcome, ScheduleStatus
from orjson import loads
from tortoise.fields.base import OnDelete
from tortoise.fields.data import JSON_DUMPS
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint, UniqueConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0009_parties')]

    operations = [
        ops.CreateModel(
            name='PayoutSchedule',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('shop', fields.OneToOneField('models.Shop', source_field='shop_id', db_constraint=True, to_field='id', related_name='schedule', on_delete=OnDelete.RESTRICT)),
                ('party_code', fields.CharField(max_length=64)),
                ('shop_code', fields.CharField(max_length=64)),
                ('currency', fields.CharField(max_length=12)),
                ('cron', fields.CharField(max_length=100)),
                ('time_zone', fields.CharField(max_length=64)),
                ('least_minor', fields.BigIntField(description='less than this waits for the next run')),
                ('auto_confirm', fields.BooleanField(default=False)),
                ('status', fields.CharEnumField(description='whether it runs', enum_type=ScheduleStatus, max_length=40)),
                ('last_slot', fields.DatetimeField(null=True, description='the moment of the last run, as the schedule has it', auto_now=False, auto_now_add=False)),
                ('last_outcome', fields.CharEnumField(null=True, description='what the last run came to', enum_type=RunOutcome, max_length=40)),
                ('last_payout', fields.CharField(null=True, max_length=50)),
                ('last_refusal', fields.CharField(null=True, description='the code of why it came to nothing', max_length=64)),
                ('needs_attention', fields.BooleanField(default=False)),
                ('next_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('failures', fields.IntField(default=0, description='in a row')),
                ('last_error', fields.CharField(null=True, max_length=500)),
                ('attempts', fields.IntField(default=0, description='to run the moment that is due')),
                ('lease_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('lease_token', fields.UUIDField(null=True)),
            ],
            options={'table': 'payout_schedule', 'app': 'models', 'constraints': [CheckConstraint(check='least_minor > 0', name='payout_schedule_least')], 'indexes': [Index(fields=['next_at', 'id']), Index(fields=['party_code', 'id'])], 'pk_attr': 'id', 'table_description': "When a shop's money is paid out by itself."},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Payout',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('payout_id', fields.CharField(unique=True, max_length=50)),
                ('shop', fields.ForeignKeyField('models.Shop', source_field='shop_id', db_constraint=True, to_field='id', related_name='payouts', on_delete=OnDelete.RESTRICT)),
                ('party_code', fields.CharField(max_length=64)),
                ('shop_code', fields.CharField(max_length=64)),
                ('tool', fields.ForeignKeyField('models.PayoutTool', source_field='tool_id', db_constraint=True, to_field='id', related_name='payouts', on_delete=OnDelete.RESTRICT)),
                ('tool_code', fields.CharField(max_length=64)),
                ('tool_kind', fields.CharEnumField(description='how the tool takes money', enum_type=ToolKind, max_length=40)),
                ('destination', fields.JSONField(description='where the tool led when the payout was created', encoder=JSON_DUMPS, decoder=loads)),
                ('currency', fields.CharField(max_length=12)),
                ('requested_minor', fields.BigIntField(description='what was asked for')),
                ('amount_minor', fields.BigIntField(description='what the merchant gets')),
                ('fee_minor', fields.BigIntField()),
                ('cash_flow', fields.JSONField(description='[{source_type, source_id, destination_type, destination_id, amount_minor, details}], as it is held', encoder=JSON_DUMPS, decoder=loads)),
                ('status', fields.CharEnumField(description="of the payout's life", enum_type=PayoutStatus, max_length=40)),
                ('sequence', fields.IntField(default=0, description='how often the status has changed')),
                ('cancel_details', fields.CharField(null=True, max_length=500)),
                ('failure', fields.CharField(null=True, description='why it failed, as the outside said', max_length=500)),
                ('delivery_status', fields.CharEnumField(null=True, description='of its delivery, where it has one', enum_type=DeliveryStatus, max_length=40)),
                ('needs_attention', fields.BooleanField(default=False)),
                ('schedule', fields.ForeignKeyField('models.PayoutSchedule', source_field='schedule_id', null=True, db_constraint=True, to_field='id', related_name='payouts', on_delete=OnDelete.RESTRICT)),
                ('slot', fields.DatetimeField(null=True, description='the moment of the schedule that it was made for', auto_now=False, auto_now_add=False)),
                ('auto_confirm', fields.BooleanField(default=False, description='its schedule confirms it; else a human does')),
            ],
            options={'table': 'payout', 'app': 'models', 'constraints': [UniqueConstraint(fields=('schedule_id', 'slot'), name='payout_once_for_a_slot'), CheckConstraint(check='requested_minor > 0 AND amount_minor > 0', name='payout_amounts'), CheckConstraint(check="cancel_details IS NULL OR status = 'cancelled'", name='payout_cancelled_with_details'), CheckConstraint(check="(failure IS NOT NULL) = (status = 'failed')", name='payout_failed_for_a_reason'), CheckConstraint(check='(schedule_id IS NULL) = (slot IS NULL)', name='payout_of_a_slot_whole')], 'indexes': [Index(fields=['party_code', 'id']), Index(fields=['party_code', 'updated_at', 'id']), Index(fields=['party_code', 'status', 'id']), Index(fields=['party_code', 'shop_code', 'id']), Index(fields=['created_at', 'id']), Index(fields=['status', 'id']), Index(fields=['updated_at', 'id']), Index(fields=['delivery_status', 'id']), Index(fields=['needs_attention', 'id'])], 'pk_attr': 'id', 'table_description': 'Money on its way out of a shop. `payout_id` is what everybody else knows it by.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='Delivery',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('payout', fields.OneToOneField('models.Payout', source_field='payout_id', db_constraint=True, to_field='id', related_name='delivery', on_delete=OnDelete.RESTRICT)),
                ('kind', fields.CharEnumField(description='of the tool: who is told of it', enum_type=ToolKind, max_length=40)),
                ('status', fields.CharEnumField(description='of the delivery', enum_type=DeliveryStatus, max_length=40)),
                ('reference', fields.CharField(null=True, description='what the outside system calls it', max_length=128)),
                ('failures', fields.IntField(default=0, description='in a row')),
                ('last_error', fields.CharField(null=True, max_length=500)),
                ('next_check_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('attempts', fields.IntField(default=0)),
                ('lease_until', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('lease_token', fields.UUIDField(null=True)),
            ],
            options={'table': 'delivery', 'app': 'models', 'indexes': [Index(fields=['status', 'next_check_at', 'id'])], 'pk_attr': 'id', 'table_description': 'How a confirmed payout gets to where it goes. A child of the payout, whose events tell of it.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='DeliveryAttempt',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('delivery', fields.ForeignKeyField('models.Delivery', source_field='delivery_id', db_constraint=True, to_field='id', related_name='calls', on_delete=OnDelete.RESTRICT)),
                ('number', fields.IntField()),
                ('kind', fields.CharEnumField(description='what was asked', enum_type=AttemptKind, max_length=40)),
                ('state', fields.CharEnumField(description='how it ended', enum_type=AttemptState, max_length=40)),
                ('detail', fields.CharField(default='', description='the reference, the code, or why nobody knows', max_length=500)),
                ('started_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('finished_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'delivery_attempt', 'app': 'models', 'constraints': [UniqueConstraint(fields=('delivery_id', 'number'), name='delivery_attempt_once')], 'pk_attr': 'id', 'table_description': 'One call of the outside system: written before it is made. A part of the delivery.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='PayoutSchedule',
            constraint=CheckConstraint(check='least_minor > 0', name='payout_schedule_least'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=UniqueConstraint(fields=('schedule_id', 'slot'), name='payout_once_for_a_slot'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=CheckConstraint(check='requested_minor > 0 AND amount_minor > 0', name='payout_amounts'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=CheckConstraint(check="cancel_details IS NULL OR status = 'cancelled'", name='payout_cancelled_with_details'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=CheckConstraint(check="(failure IS NOT NULL) = (status = 'failed')", name='payout_failed_for_a_reason'),
        ),
        ops.AddConstraint(
            model_name='Payout',
            constraint=CheckConstraint(check='(schedule_id IS NULL) = (slot IS NULL)', name='payout_of_a_slot_whole'),
        ),
        ops.AddConstraint(
            model_name='DeliveryAttempt',
            constraint=UniqueConstraint(fields=('delivery_id', 'number'), name='delivery_attempt_once'),
        ),
    ]
