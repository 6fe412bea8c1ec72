"""Parser and fields that take JSON as it is: nothing is coerced into another type."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser
from rest_framework.validators import ProhibitSurrogateCharactersValidator

from aura.kernel.ids import iso

SURROGATE = re.compile("[\ud800-\udfff]")


class Json(JSONParser):
    """JSON bodies; one nested too deeply is a bad request and not a server error."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None


class FiniteJson(Json):
    """For bodies that are kept whole: no database keeps `1e999`, which is infinite here."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        said = super().parse(stream, media_type, parser_context)
        try:
            json.dumps(said, allow_nan=False)
        except ValueError:
            raise ParseError("JSON parse error - a number is out of range") from None
        return said


class Surrogates(ProhibitSurrogateCharactersValidator):
    """DRF's, which looks at every character in Python, asked only where there is one."""

    def __call__(self, value: Any) -> None:
        if SURROGATE.search(str(value)):
            super().__call__(value)


class Text(serializers.CharField):
    """A string, trimmed; a number is not one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        slow = ProhibitSurrogateCharactersValidator
        self.validators = [Surrogates() if type(v) is slow else v for v in self.validators]

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class Flag(serializers.BooleanField):
    """true or false; neither "true" nor 1."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


class Whole(serializers.IntegerField):
    """A whole number; not "5". 5.0 is one too, as JSON has but one type of number."""

    def to_internal_value(self, data: Any) -> int:
        whole = isinstance(data, int) or (isinstance(data, float) and data.is_integer())
        if isinstance(data, bool) or not whole:
            self.fail("invalid")
        return int(data)


@extend_schema_field(OpenApiTypes.DATETIME)
class Moment(serializers.Field[datetime, Any, str, Any]):
    """A time, as the API writes it."""

    def to_representation(self, value: datetime) -> str:
        return iso(value)
