"""What to make of a provider of models that fails: how often to try, and its message fit to be shown and kept."""

import json
import os
import re

RETRIES = 5
"""How often a request is sent again where the provider is busy or silent: after 3, 6, 12, 24 and 48 seconds. Inspect by
itself would go on for ever."""

_LONGEST = 300


def reason_of(error: BaseException | str) -> str:
    """Why a request failed, in at most 300 characters of one line, without keys; see `redact`."""
    attempt = getattr(error, "last_attempt", None)  # of a request that was sent again and again
    if attempt is not None and attempt.exception() is not None:
        error = attempt.exception()
    own = getattr(error, "provider_message", None)  # of Inspect, whose whole message may hold our request cut short
    said = redact(own or _without_request(str(error))).removeprefix("ERROR: ")
    return said[:_LONGEST].rstrip(" .") or type(error).__name__


def _without_request(text: str) -> str:
    """A message without the request as JSON that Inspect sets before the provider's reason."""
    before, named, after = text.partition("Request:")
    if not named:
        return text
    try:
        _, end = json.JSONDecoder(strict=False).raw_decode(after.lstrip())
    except ValueError:
        return text
    return f"{before.rstrip()} {after.lstrip()[end:].lstrip()}".strip() or text


def redact(text: str) -> str:
    """A provider's message on one line, without anything that is or looks like a key."""
    for name, value in os.environ.items():
        if len(value) >= 6 and re.search(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL", name, re.IGNORECASE):
            text = text.replace(value, "[key]")
    text = re.sub(r"(?i)\bbearer\s+\S+", "Bearer [key]", text)
    text = re.sub(r"\b(?:sk|pk|rk|hf|gsk|xai|AIza)[-_][\w*.…-]{6,}|\bAIza[\w-]{10,}", "[key]", text)
    text = re.sub(r"[\w-]+\*{3,}[\w-]*", "[key]", text)  # as providers quote the ends of one
    text = re.sub(r"(?i)(api[-_ ]?key\s*[=:]\s*)['\"]?[\w*.-]{6,}", r"\1[key]", text)
    text = re.sub(r"//[^/\s@:]+:[^/\s@]+@", "//[key]@", text)
    return " ".join(re.sub(r"\[/?(?:bold|italic|red|blue|green|yellow|link|dim)[^\]]*\]", "", text).split())
