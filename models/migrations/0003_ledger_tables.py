"""The tables of the ledger."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.migrations._sql import script


class Migration(migrations.Migration):
    dependencies = [("models", "0002_events")]  # noqa: RUF012  Tortoise reads it so

    operations = [ops.RunSQL(script("0003_ledger_tables.sql"))]  # noqa: RUF012
