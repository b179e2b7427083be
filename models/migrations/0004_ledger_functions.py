"""The operations of the ledger."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.migrations._sql import script


class Migration(migrations.Migration):
    dependencies = [("models", "0003_ledger_tables")]  # noqa: RUF012  Tortoise reads it so

    operations = [ops.RunSQL(script("0004_ledger_functions.sql"))]  # noqa: RUF012
