"""What resolvers are given, made afresh for each operation."""

from __future__ import annotations

from dataclasses import dataclass, field

from models.kernel.viewer import Viewer
from resolvers.loading import Loaders
from server.graphql.documents import Document


@dataclass(slots=True)
class OperationContext:
    """One operation of one viewer."""

    viewer: Viewer
    request_id: str
    document: Document
    cost: int = 0
    replayed: list[list[str | int]] = field(default_factory=list)
    load: Loaders = field(init=False)

    def __post_init__(self) -> None:
        self.load = Loaders(self.viewer)
