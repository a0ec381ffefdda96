"""What a webhook's body must look like: the guide's schema, as nested checks.

A check takes a value and its path, and returns None or what is wrong there.
"""

import json
import re


# Deeper JSON is no event, and what can be parsed could not always be written again:
# Python's encoder runs out of stack earlier than its decoder.
DEEPEST = 64


class Invalid(Exception):
    """The body is not an event. The message names the field and the expectation."""


def parse(body: bytes) -> dict:
    """The event in body, or Invalid."""
    try:
        event = json.loads(body.decode("utf-8"), parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        raise Invalid("the body is not JSON") from None
    if depth(event) > DEEPEST:
        raise Invalid(f"the body is nested more than {DEEPEST} levels deep")
    if problem := EVENT(event, ""):
        raise Invalid(problem)
    if problem := APPOINTMENTS[event["type"]](event["data"]["object"], "data.object"):
        raise Invalid(problem)
    return event


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")  # Python would take NaN and Infinity


def depth(value) -> int:
    deepest, unseen = 0, [(value, 1)]
    while unseen:
        value, level = unseen.pop()
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
        if inner is not None:
            deepest = max(deepest, level)
            unseen.extend((v, level + 1) for v in inner)
    return deepest


def expect(description, holds):
    def check(value, path):
        return None if holds(value) else f"{path or 'the body'}: expected {description}"

    return check


def one_of(*values):
    return expect("one of " + ", ".join(values), lambda v: isinstance(v, str) and v in values)


def pattern(expression, description):
    matches = re.compile(expression).fullmatch
    return expect(description, lambda v: isinstance(v, str) and matches(v))


class Optional:
    """A field that may be left out, or null."""

    def __init__(self, check):
        self.check = check

    def __call__(self, value, path):
        return None if value is None else self.check(value, path)


is_object = expect("an object", lambda v: isinstance(v, dict))


def record(fields):
    """An object with at least these fields; more of them are fine."""

    def check(value, path):
        if problem := is_object(value, path):
            return problem
        for name, field in fields.items():
            where = f"{path}.{name}" if path else name
            if name not in value and not isinstance(field, Optional):
                return f"{where} is missing"
            if problem := field(value.get(name), where):
                return problem
        return None

    return check


def mapping(element):
    """An object whose keys are free."""

    def check(value, path):
        if problem := is_object(value, path):
            return problem
        return next((p for key, v in value.items() if (p := element(v, f"{path}.{key}"))), None)

    return check


def is_integer(value):
    # As in JSON Schema 1.0 is an integer. In Python True would be one, too.
    return isinstance(value, int) and not isinstance(value, bool) or isinstance(value, float) and value.is_integer()


string = expect("a string", lambda v: isinstance(v, str))
integer = expect("an integer", is_integer)
anything = expect("anything", lambda _: True)

DATE = r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
local_time = pattern(f"{DATE}T{TIME}", "a local date and time such as 2026-01-21T14:30:00")
instant = pattern(
    rf"{DATE}T{TIME}(\.[0-9]{{1,9}})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])",
    "an ISO 8601 instant such as 2026-01-21T14:30:00Z",
)
phone = pattern(r"\+224 ?6[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2}", "a Guinean mobile number")
email = pattern(r"[^@ ]+@[^@ ]+", "an e-mail address")
url = pattern(r"https?://.*", "a URL")

APPOINTMENT = {
    "id": integer,
    "departmentId": integer,
    "department": record({"id": integer, "name": string, "organization": record({"id": integer, "name": string})}),
    "dateTime": local_time,
    "status": one_of("SCHEDULED", "COMPLETED", "CANCELLED", "NO_SHOW", "PENDING_PAYMENT"),
    "name": string,
    "phone": Optional(phone),
    "email": Optional(email),
    "qrCode": Optional(url),
    "createdAt": instant,
    "creditsUsed": Optional(integer),
}
UPDATE = {"updatedAt": instant, "changes": mapping(record({"from": Optional(anything), "to": Optional(anything)}))}
CANCELLATION = {
    "cancelledAt": instant,
    "cancelledBy": string,
    "cancelReason": Optional(string),
    "creditsRefunded": Optional(integer),
}

# What data.object looks like, by the event's type.
APPOINTMENTS = {
    "appointment.created": record(APPOINTMENT),
    "appointment.updated": record(APPOINTMENT | UPDATE),
    "appointment.cancelled": record(APPOINTMENT | CANCELLATION),
    "appointment.validated": record(APPOINTMENT),
    "appointment.completed": record(APPOINTMENT),
}
EVENT = record({
    "id": expect("a string that is not empty", lambda v: isinstance(v, str) and v != ""),
    "type": one_of(*APPOINTMENTS),
    "created": instant,
    "data": record({"object": is_object}),
})
