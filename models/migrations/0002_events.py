"""The clock, the event log, requests."""

from tortoise import migrations
from tortoise.migrations import operations as ops

from models.migrations._sql import script


class Migration(migrations.Migration):
    dependencies = [("models", "0001_initial")]  # noqa: RUF012  Tortoise reads it so

    operations = [ops.RunSQL(script("0002_events.sql"))]  # noqa: RUF012
