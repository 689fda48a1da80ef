"""What a guided engine would write: the plainest JSON that keeps to a schema, as the vLLM and TensorRT-LLM backends take it."""

import json


def instance(schema, root=None):
    """A value that the schema allows: the first of each choice, and every property of an object."""
    root = schema if root is None else root
    if "$ref" in schema:
        found = root
        for step in schema["$ref"].lstrip("#/").split("/"):
            found = found[step]
        return instance(found, root)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in schema:
            return instance(schema[choice][0], root)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        return {name: instance(inner, root) for name, inner in schema.get("properties", {}).items()}
    if kind == "array":
        return [instance(schema.get("items", {}), root)] * max(1, schema.get("minItems", 1))
    return {"string": "text", "integer": schema.get("minimum", 1), "number": 0.5, "boolean": True, "null": None}[kind]


def text(schema=None):
    """The JSON: of any object where there is no schema."""
    return json.dumps({"answer": "text"} if schema is None else instance(schema))


def of_vllm(given):
    """`guided_decoding` of the sampling parameters is JSON in a string (of newer releases also an object)."""
    guide = given.get("guided_decoding")
    if guide is None:
        return None
    guide = json.loads(guide) if isinstance(guide, str) else guide
    if guide.get("json_object"):
        return text()
    if not isinstance(guide.get("json"), dict):
        raise ValueError("structured_outputs.json must be a JSON schema dictionary")
    return text(guide["json"])


def of_trtllm(kind, guide):
    """The inputs `guided_decoding_guide_type` and `guided_decoding_guide`."""
    if kind is None:
        return None
    if kind not in ("json", "json_schema"):
        raise ValueError(f"guided_decoding_guide_type {kind} is not supported by this test model.")
    if kind == "json_schema" and guide is None:
        raise ValueError("guided_decoding_guide is required for json_schema.")
    return text(None if kind == "json" else json.loads(guide))
