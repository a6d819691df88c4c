"""The description of the API describes the API."""
import re

REQUIRED = {"openapi", "info", "paths", "components"}
PLURALS = {"partners": "Partner", "domains": "Domain", "routes": "Route", "policies": "Policy", "sites": "Site",
           "sip-users": "SipUser", "blocks": "Block"}


def walk(node, path=""):
    yield path, node
    if isinstance(node, dict):
        for key, value in node.items():
            yield from walk(value, path + "/" + key)
    elif isinstance(node, list):
        for i, value in enumerate(node):
            yield from walk(value, "%s/%d" % (path, i))


def resolve(document, ref):
    assert ref.startswith("#/"), ref
    for part in ref[2:].split("/"):
        document = document[part]
    return document


def test_the_description_is_sound(shared):
    document = shared.root("GET", "/v1/openapi.json").json
    assert REQUIRED <= set(document) and document["openapi"].startswith("3.1")
    assert {"title", "version"} <= set(document["info"])
    ids = set()
    for path, item in document["paths"].items():
        assert path.startswith("/") and not re.search(r"@|\{kind\}|\{single\}", path), path
        for method, op in item.items():
            assert method in ("get", "put", "post", "patch", "delete")
            assert op["summary"] and "@" not in op["summary"] and op["operationId"] not in ids
            ids.add(op["operationId"])
            assert "default" in op["responses"] and any(re.fullmatch("2..", s) for s in op["responses"])
            named = set(re.findall(r"\{(\w+)\}", path))
            assert named == {p["name"] for p in op["parameters"] if p["in"] == "path"}
            for p in op["parameters"]:
                assert p["schema"] and p["in"] in ("path", "query", "header") and (p["required"] or p["in"] != "path")
            if "x-role" in op:
                assert op["x-role"] in ("reader", "helpdesk", "administrator")
            else:
                assert op["security"] == []
    for path, node in walk(document):
        if isinstance(node, dict) and isinstance(node.get("$ref"), str):
            resolve(document, node["$ref"])
        assert node is not None or path.endswith("/default"), path
    for name in {n for s in document["security"] for n in s}:
        assert name in document["components"]["securitySchemes"]


def test_every_kind_and_every_setting_is_in_it(shared):
    document = shared.root("GET", "/v1/openapi.json").json
    schemas = document["components"]["schemas"]
    shared.root("POST", "/v1/changes", {"changes": [
        {"op": "new", "kind": "route", "name": "r", "values": {"next-hop": "192.0.2.1"}},
        {"op": "new", "kind": "domain", "name": "d.example", "values": {"route": "r"}},
        {"op": "new", "kind": "partner", "name": "p.example"}, {"op": "new", "kind": "site", "name": "s"},
            {"op": "new", "kind": "block", "name": "spam.example"},
        {"op": "set", "kind": "sip-user", "name": "u@d.example", "values": {"served": False}}]})
    for plural, name in PLURALS.items():
        assert {"/v1/" + plural, "/v1/" + plural + "/{name}"} <= set(document["paths"])
        shown = shared.root("GET", "/v1/" + plural).json["items"][0]
        check(schemas, name, shown)
        assert set(schemas["New" + name]["required"]) <= set(schemas["New" + name]["properties"])
        assert "name" in schemas["New" + name]["required"]
    for path, name in (("/v1/gateway", "Gateway"), ("/v1/org", "Org")):
        assert set(document["paths"][path]) == {"get", "patch", "put"}
        check(schemas, name, shared.root("GET", path).json)
    assert schemas["NewRoute"]["required"] == ["name"]


def check(schemas, name, shown):
    assert set(schemas[name]["properties"]) == set(shown)
    for key, value in shown.items():
        schema = schemas[name]["properties"][key]
        if key not in ("name", "revision"):
            assert schema["description"] and key in schemas[name + "Edit"]["properties"]
        assert fits(schema, value), (name, key, schema, value)
        if "default" in schema:
            assert fits(schema, schema["default"]) or schema["default"] == ""


def fits(schema, value):
    if "anyOf" in schema:
        return any(fits(one, value) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None)}
    if not isinstance(value, kinds[schema["type"]]) or (schema["type"] == "integer" and isinstance(value, bool)):
        return False
    if schema["type"] == "integer":
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    return all(fits(schema["items"], v) for v in value) if schema["type"] == "array" else True
