from tortoise import migrations
from tortoise.migrations import operations as ops
from models.deals.lifecycle import DealStatus, DisputeStatus, Resolution
from tortoise.fields.base import OnDelete
from uuid import uuid4
from tortoise import fields
from tortoise.indexes import Index
from tortoise.migrations.constraints import CheckConstraint

class Migration(migrations.Migration):
    dependencies = [('models', '0006_inbox')]

    operations = [
        ops.CreateModel(
            name='Deal',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('version', fields.BigIntField(default=0)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('updated_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('title', fields.CharField(max_length=128)),
                ('description', fields.TextField(unique=False)),
                ('price_minor', fields.BigIntField()),
                ('fee_minor', fields.BigIntField()),
                ('currency', fields.CharField(max_length=12)),
                ('status', fields.CharEnumField(description="of the deal's life", enum_type=DealStatus, max_length=40)),
                ('customer', fields.ForeignKeyField('models.Person', source_field='customer_id', db_constraint=True, to_field='id', related_name='bought', on_delete=OnDelete.RESTRICT)),
                ('performer', fields.ForeignKeyField('models.Person', source_field='performer_id', db_constraint=True, to_field='id', related_name='performed', on_delete=OnDelete.RESTRICT)),
                ('service', fields.CharField(null=True, description='the service that made it for the customer', max_length=64)),
                ('chat_id', fields.UUIDField(default=uuid4, unique=True)),
                ('deadline_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('confirmed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
                ('overdue', fields.BooleanField(default=False)),
                ('dispute_status', fields.CharEnumField(null=True, description="of the deal's dispute", enum_type=DisputeStatus, max_length=40)),
            ],
            options={'table': 'deal', 'app': 'models', 'constraints': [CheckConstraint(check='price_minor > 0', name='deal_price_positive'), CheckConstraint(check='fee_minor >= 0 AND fee_minor < price_minor', name='deal_fee_below_price'), CheckConstraint(check='customer_id <> performer_id', name='deal_of_two'), CheckConstraint(check="btrim(title) <> ''", name='deal_title_not_blank'), CheckConstraint(check="dispute_status IS DISTINCT FROM 'open' OR status = 'confirm_performer'", name='deal_dispute_open_while_confirmed')], 'indexes': [Index(fields=['customer_id', 'id']), Index(fields=['performer_id', 'id']), Index(fields=['status', 'id']), Index(fields=['updated_at', 'id']), Index(fields=['service', 'id']), Index(fields=['deadline_at', 'id'])], 'pk_attr': 'id', 'table_description': 'What a customer and a performer have agreed on, or may. `id` is its number.'},
            bases=['LivingRow'],
        ),
        ops.CreateModel(
            name='DealDispute',
            fields=[
                ('id', fields.BigIntField(generated=True, primary_key=True, unique=True, db_index=True)),
                ('deal', fields.OneToOneField('models.Deal', source_field='deal_id', db_constraint=True, to_field='id', related_name='dispute', on_delete=OnDelete.RESTRICT)),
                ('opened_by', fields.BigIntField(description='the number of the person who opened it')),
                ('title', fields.CharField(max_length=128)),
                ('description', fields.TextField(unique=False)),
                ('resolution', fields.CharEnumField(null=True, description='in whose favour it was closed', enum_type=Resolution, max_length=40)),
                ('performer_minor', fields.BigIntField(null=True)),
                ('resolved_by', fields.CharField(null=True, max_length=128)),
                ('comment', fields.TextField(default='', unique=False)),
                ('created_at', fields.DatetimeField(auto_now=False, auto_now_add=False)),
                ('closed_at', fields.DatetimeField(null=True, auto_now=False, auto_now_add=False)),
            ],
            options={'table': 'deal_dispute', 'app': 'models', 'constraints': [CheckConstraint(check='(resolution IS NULL) = (closed_at IS NULL) AND (resolution IS NULL) = (resolved_by IS NULL)', name='deal_dispute_closed_whole')], 'pk_attr': 'id', 'table_description': 'Why a deal is disputed, and how that ended: a part of the deal, whose events tell what becomes of it.'},
            bases=['Model'],
        ),
        ops.AddConstraint(
            model_name='Deal',
            constraint=CheckConstraint(check='price_minor > 0', name='deal_price_positive'),
        ),
        ops.AddConstraint(
            model_name='Deal',
            constraint=CheckConstraint(check='fee_minor >= 0 AND fee_minor < price_minor', name='deal_fee_below_price'),
        ),
        ops.AddConstraint(
            model_name='Deal',
            constraint=CheckConstraint(check='customer_id <> performer_id', name='deal_of_two'),
        ),
        ops.AddConstraint(
            model_name='Deal',
            constraint=CheckConstraint(check="btrim(title) <> ''", name='deal_title_not_blank'),
        ),
        ops.AddConstraint(
            model_name='Deal',
            constraint=CheckConstraint(check="dispute_status IS DISTINCT FROM 'open' OR status = 'confirm_performer'", name='deal_dispute_open_while_confirmed'),
        ),
        ops.AddConstraint(
            model_name='DealDispute',
            constraint=CheckConstraint(check='(resolution IS NULL) = (closed_at IS NULL) AND (resolution IS NULL) = (resolved_by IS NULL)', name='deal_dispute_closed_whole'),
        ),
    ]
