"""What settings are called in other languages than English."""
import json

from browser import heading

CALLED = """async (plural) => Object.fromEntries(Object.entries(
  (await import('/panel/texts/ja-settings.js')).default[plural] ?? {}).map(([name, texts]) => [name, texts.length]))"""


def declared(document):
    """{kind's path: settings} of all that have a form in the panel."""
    schemas, found = document["components"]["schemas"], {}
    for path, methods in document["paths"].items():
        one = methods.get("get", {}).get("responses", {}).get("200", {}).get("content", {}).get("application/json", {})
        schema = schemas.get(one.get("schema", {}).get("$ref", "").rpartition("/")[2], {})
        names = {n for n, s in schema.get("properties", {}).items() if "x-order" in s and not s.get("readOnly")}
        if names and "patch" in methods and not path.startswith(("/v1/certificates", "/v1/users", "/v1/tokens")):
            found[path.split("/")[2]] = names
    return found


def test_every_setting_is_called_something_in_japanese(shared, open_page):
    page = open_page(shared, "#/gateway")
    page.sees(heading("Gateway settings", level=1))
    kinds = declared(json.loads(shared.ask("GET", "/v1/openapi.json")[1]))
    assert {"gateway", "org", "partners", "routes"} <= set(kinds)
    for plural, names in kinds.items():
        called = page.evaluate(CALLED, plural)
        assert set(called) == names and set(called.values()) <= {2}, plural
    page.select({"label": "Language"}, "ja")
    page.sees({"text": "XMPP へ運ぶ本文の最大長"})
    assert page.evaluate("document.querySelector('[lang=en]')?.textContent ?? ''").count("Longest text") == 0
