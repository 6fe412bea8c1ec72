"""Argo CD: the application controller and its REST API."""
