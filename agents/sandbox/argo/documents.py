"""YAML files as objects."""

from __future__ import annotations

import yaml

from agents.sandbox.objects import Object


class RenderError(Exception):
    """Manifests that cannot be made; the text says why."""


def documents_of(name: str, content: bytes) -> list[Object]:
    """The objects of a file; documents without a kind are skipped as kubectl skips them."""
    try:
        found = list(yaml.load_all(content, Loader=_Loader))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())
        raise RenderError(
            f'Failed to unmarshal "{name.rpartition("/")[2]}": failed to unmarshal manifest:'
            f" error converting YAML to JSON: {said}"
        ) from None
    return [each for each in found if isinstance(each, dict) and each.get("kind")]


class _Loader(yaml.CSafeLoader):
    """Dates stay text, as in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag != "tag:yaml.org,2002:timestamp"]
    for first, forms in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
