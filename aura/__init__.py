"""Aura: a governed AI operations desk."""

from aura.celery import app as celery_app

__all__ = ["celery_app"]
