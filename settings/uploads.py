"""The knobs of what clients send: how large bodies are, what may be attached, and where it is kept."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, Field, SecretStr, model_validator

DEVELOPMENT_ATTACHMENT_SECRET = "development-only-attachment-secret-which-production-refuses"
_MIB = 1024 * 1024


class Uploads(BaseModel):
    env: Literal["production", "development"] = "production"

    # bodies; the large ones are of merchants, operators and services
    body_max_bytes: int = Field(default=128 * 1024, ge=1024, le=_MIB)
    upload_body_max_bytes: int = Field(default=7 * _MIB, ge=1024, le=64 * _MIB)
    uploads_at_once: int = Field(default=8, ge=1, le=100, description="such bodies that one process holds")
    uploads_per_viewer_max: int = Field(
        default=4, ge=1, le=100, description="of one party among them, or of one token subject without any"
    )
    upload_wait_seconds: float = Field(default=2, ge=0, le=30, description="for a place among them")
    upload_timeout_seconds: float = Field(default=60, ge=0.05, le=600, description="for such a body to come whole")

    # what may be attached
    attachments_max: int = Field(default=10, ge=1, le=100, description="files at once")
    attachment_max_bytes: int = Field(default=5 * _MIB, ge=1, le=64 * _MIB)
    attachment_types: tuple[str, ...] = Field(
        default=("image/png", "image/jpeg", "image/webp", "image/gif", "application/pdf"), min_length=1
    )

    # where it is kept
    storage_url: str = Field(
        default="", description="s3://bucket/folder, with AWS_… beside it; empty: the folder `attachments` of home"
    )
    attachment_secret: SecretStr = Field(
        default=SecretStr(""), description="seals the addresses of files in the folder, 32 bytes or more"
    )
    public_url: str = Field(default="", description="https://… at which others reach the API; development: its port")

    @model_validator(mode="after")
    def _files_fit_into_bodies(self) -> Self:
        if self.attachment_max_bytes > self.upload_body_max_bytes:
            raise ValueError("attachment_max_bytes must not exceed upload_body_max_bytes")
        if self.body_max_bytes > self.upload_body_max_bytes:
            raise ValueError("body_max_bytes must not exceed upload_body_max_bytes")
        return self

    @model_validator(mode="after")
    def _storage_is_whole(self) -> Self:
        """Files are kept in a bucket, or in a folder from which the API serves them, or, in production, not at all."""
        if self.storage_url and not self.storage_url.startswith("s3://"):
            raise ValueError("SALDO_STORAGE_URL must be s3://bucket or s3://bucket/folder")
        secret = self.attachment_secret.get_secret_value()
        if secret and len(secret.encode()) < 32:
            raise ValueError("SALDO_ATTACHMENT_SECRET must have 32 bytes or more")
        if self.env == "development":
            return self
        if secret == DEVELOPMENT_ATTACHMENT_SECRET:
            raise ValueError("SALDO_ATTACHMENT_SECRET is published: it is for development")
        if self.public_url and not self.public_url.startswith("https://"):
            raise ValueError("SALDO_PUBLIC_URL must be https")
        if secret and not self.storage_url and not self.public_url:
            raise ValueError("SALDO_ATTACHMENT_SECRET needs SALDO_PUBLIC_URL")
        return self

    @property
    def attachments_sealed_with(self) -> str:
        """The secret of the addresses of files in the folder; empty where none is kept there."""
        given = self.attachment_secret.get_secret_value()
        return given or (DEVELOPMENT_ATTACHMENT_SECRET if self.env == "development" else "")
