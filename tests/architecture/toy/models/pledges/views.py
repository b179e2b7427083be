"""Who sees which pledges. Pure."""

from models.kernel.sql import Sql
from models.kernel.viewer import Viewer
from models.people import views as people


def visible_to(viewer: Viewer) -> Sql:
    return people.visible_to(viewer, "r.person_id")
