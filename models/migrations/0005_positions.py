"""Positions of events: the order in which everybody reads them."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.migrations._sql import script


class Migration(migrations.Migration):
    dependencies = [("models", "0004_ledger_functions")]  # noqa: RUF012  Tortoise reads it so

    operations = [ops.RunSQL(script("0005_positions.sql"))]  # noqa: RUF012
