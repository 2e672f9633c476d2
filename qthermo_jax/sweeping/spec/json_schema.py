"""The JSON Schema of a spec, by which editors complete and check it."""

from typing import Any

from qthermo_jax.sweeping.spec.declared import Spec


def json_schema() -> dict[str, Any]:
    """Of the spec as TOML, every key described."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Spec.model_json_schema(),
        "title": "A sweep of qthermo_jax",
    }
    unwrapped: dict[str, Any] = _unwrapped(schema)
    return unwrapped


def _unwrapped(part: Any) -> Any:
    """Descriptions of one line; no null, which TOML does not have, and so no tables of defaults."""
    if isinstance(part, list):
        return [_unwrapped(item) for item in part if item != {"type": "null"}]
    if not isinstance(part, dict):
        return part
    unwrapped = {
        key: _unwrapped(value)
        for key, value in part.items()
        if not (key == "default" and (value is None or isinstance(value, dict)))
    }
    if isinstance(unwrapped.get("description"), str):
        unwrapped["description"] = " ".join(unwrapped["description"].split())
    return unwrapped
