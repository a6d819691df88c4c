"""The settings' objects: what changes, what is refused, and what two administrators do to each other."""
import os

import pytest

NEW = {"partners": ("fabrikam.example", {}), "routes": ("main", {"next-hop": "192.0.2.1:5060"}),
       "domains": ("contoso.example", {"route": "main"}), "policies": ("sales", {"federation": True}),
       "sites": ("rome", {"users": ["*@contoso.example"]}), "sip-users": ("alice@contoso.example", {"served": False}),
       "blocks": ("mallory@evil.example", {"description": "spam"})}


def test_every_kind_goes_through_its_life(server):
    server.root("POST", "/v1/routes", {"name": "main", "next-hop": "192.0.2.1:5060"})
    for kind, (name, values) in NEW.items():
        path = "/v1/%s/%s" % (kind, name)
        if kind != "routes":
            made = server.root("POST", "/v1/" + kind, {"name": name, **values})
            assert made.status == 201, made.raw
            assert made.headers["Location"] == path
            assert made.json["changed"] is True
        got = server.root("GET", path)
        assert got.status == 200 and got.json["name"] == name
        assert got.headers["ETag"] == '"%d"' % got.json["revision"]
        assert server.root("POST", "/v1/" + kind, {"name": name, **values}).status == 409
    assert server.root("DELETE", "/v1/routes/main").status == 422  # the domain needs it
    for kind, (name, values) in sorted(NEW.items(), key=lambda item: item[0] == "routes"):
        path = "/v1/%s/%s" % (kind, name)
        gone = server.root("DELETE", path)
        assert gone.status == 200 and gone.json["item"] is None and gone.json["changed"] is True
        assert server.root("GET", path).status == 404
        assert server.root("DELETE", path).status == 404


def test_singles_are_always_there(server):
    for path in ("/v1/gateway", "/v1/org"):
        got = server.root("GET", path)
        assert got.status == 200 and "name" not in got.json
        assert server.root("DELETE", path).status == 405
    assert server.root("PATCH", "/v1/org", {"federation": True}).json["item"]["federation"] is True
    assert server.root("PATCH", "/v1/org", {"federation": None}).json["item"]["federation"] is False


def test_names_are_found_however_they_are_written(shared):
    assert shared.root("POST", "/v1/partners", {"name": "B\u00fccher.example"}).status == 201
    for name in ("b%C3%BCcher.example", "B%C3%9CCHER.example", "%62%C3%BCcher.example"):
        assert shared.root("GET", "/v1/partners/" + name).status == 200, name


def test_null_resets_and_lists_are_added_to(shared):
    shared.root("POST", "/v1/partners", {"name": "lists.example", "description": "x",
                                         "additional-domains": ["a.example", "b.example"]})
    path = "/v1/partners/lists.example"
    item = shared.root("PATCH", path, {"description": None, "additional-domains":
                                       {"add": ["c.example"], "remove": ["a.example"]}}).json["item"]
    assert item["description"] == "" and item["additional-domains"] == ["b.example", "c.example"]
    put = shared.root("PUT", path, {"description": "y"}, {"If-Match": shared.root("GET", path).headers["ETag"]})
    assert put.json["item"]["additional-domains"] == [] and put.json["item"]["description"] == "y"


def test_what_makes_no_difference_changes_nothing(shared):
    shared.root("POST", "/v1/partners", {"name": "same.example", "description": "x"})
    before = shared.root("GET", "/v1/partners/same.example").json["revision"]
    again = shared.root("PATCH", "/v1/partners/same.example", {"description": "x"})
    assert again.json["changed"] is False and again.json["item"]["revision"] == before


def test_an_update_is_not_lost(server):
    server.root("POST", "/v1/partners", {"name": "fabrikam.example"})
    path = "/v1/partners/fabrikam.example"
    etag = server.root("GET", path).headers["ETag"]
    assert server.root("PATCH", path, {"description": "first"}, {"If-Match": etag}).status == 200
    late = server.root("PATCH", path, {"description": "second"}, {"If-Match": etag})
    assert late.status == 412 and late.code == "stale"
    assert server.root("DELETE", path, headers={"If-Match": etag}).status == 412
    assert server.root("PUT", path, {}, {"If-Match": etag}).status == 412
    assert server.root("PUT", path, {}, {"If-None-Match": "*"}).status == 412
    assert server.root("PUT", path, {}).status == 428
    assert server.root("PATCH", path, {}, {"If-Match": '"nonsense"'}).status == 412
    assert server.root("GET", path).json["description"] == "first"
    assert server.root("DELETE", path, headers={"If-Match": server.root("GET", path).headers["ETag"]}).status == 200
    assert server.root("PATCH", path, {}, {"If-Match": "*"}).status == 412
    assert server.root("PUT", path, {"description": "new"}, {"If-None-Match": "*"}).status == 200
    etag = server.root("GET", path).headers["ETag"]
    assert server.root("GET", path, headers={"If-None-Match": etag}).status == 304


def test_pages_hold_every_object_once(server):
    names = sorted("p%03d.example" % i for i in range(257))
    done = server.root("POST", "/v1/changes", {"changes": [{"op": "new", "kind": "partner", "name": n} for n in names]})
    assert done.status == 200 and done.json["changed"] == 257
    seen, after = [], ""
    while after is not None:
        page = server.root("GET", "/v1/partners?limit=50" + ("&after=" + after if after else "")).json
        assert len(page["items"]) <= 50
        seen += [p["name"] for p in page["items"]]
        after = page["next"]
    assert seen == names
    assert len(server.root("GET", "/v1/partners").json["items"]) == 100
    for bad in ("0", "1001", "-1", "x", ""):
        assert server.root("GET", "/v1/partners?limit=" + bad).status == 400, bad


def test_dry_run_changes_nothing_and_strict_refuses_more(server):
    dry = server.root("POST", "/v1/partners?dry-run=1", {"name": "dry.example"})
    assert dry.status == 201 and dry.json["changed"] is True and dry.json["item"]["name"] == "dry.example"
    assert server.root("GET", "/v1/partners/dry.example").status == 404
    odd = {"name": "odd.example", "tls": "not-supported", "sasl": "required", "dialback": True}
    refused = server.root("POST", "/v1/partners?strict=1", odd)
    assert refused.status == 422 and refused.code == "invalid"
    taken = server.root("POST", "/v1/partners", odd)
    assert taken.status == 201 and taken.json["warnings"]
    for query in ("dry-run=maybe", "dryrun=1", "dry-run=1&dry-run=1"):
        assert server.root("POST", "/v1/partners?" + query, {"name": "q.example"}).status == 400, query
    assert server.root("GET", "/v1/partners/q.example").status == 404


def test_a_batch_is_all_or_nothing(server):
    good = {"op": "new", "kind": "partner", "name": "good.example"}
    bad = {"op": "new", "kind": "partner", "name": "bad.example", "values": {"tls": "perhaps"}}
    refused = server.root("POST", "/v1/changes", {"changes": [good, bad]})
    assert refused.status == 422 and refused.json["index"] == 1 and refused.json["setting"] == "tls"
    assert server.root("GET", "/v1/partners/good.example").status == 404
    done = server.root("POST", "/v1/changes", {"changes": [
        good, {"op": "set", "kind": "partner", "name": "good.example", "values": {"description": "x"}},
        {"op": "set", "kind": "org", "values": {"federation": True}}]})
    assert done.status == 200 and [r["kind"] for r in done.json["results"]] == ["partner", "partner", "org"]
    assert done.json["results"][0]["before"] is None
    assert done.json["results"][1]["after"]["description"] == "x"
    revision = done.json["results"][1]["after"]["revision"]
    stale = server.root("POST", "/v1/changes", {"changes": [
        {"op": "remove", "kind": "partner", "name": "good.example", "if-revision": revision - 1}]})
    assert stale.status == 412 and stale.json["index"] == 0
    gone = server.root("POST", "/v1/changes?dry-run=1", {"changes": [
        {"op": "remove", "kind": "partner", "name": "good.example", "if-revision": revision}]})
    assert gone.status == 200 and gone.json["results"][0]["after"] is None
    assert server.root("GET", "/v1/partners/good.example").status == 200


@pytest.mark.parametrize("body", [
    {}, {"changes": {}}, {"changes": [1]}, {"changes": [{}]}, {"changes": [], "more": 1},
    {"changes": [{"op": "new"}]}, {"changes": [{"op": "new", "kind": "partner"}]},
    {"changes": [{"op": "burn", "kind": "partner", "name": "a.example"}]},
    {"changes": [{"op": "new", "kind": "account", "name": "eve", "values": {"role": "administrator"}}]},
    {"changes": [{"op": "new", "kind": "token", "name": "eve", "values": {"hash": "00"}}]},
    {"changes": [{"op": "remove", "kind": "partner", "name": "a.example", "values": {}}]},
    {"changes": [{"op": "set", "kind": "partner", "name": "a.example", "if-revision": -1}]},
    {"changes": [{"op": "set", "kind": "partner", "name": 5}]},
    {"changes": [{"op": "set", "kind": "partner", "name": "a.example", "value": {}}]}])
def test_a_batch_that_is_none_is_refused(shared, body):
    answer = shared.root("POST", "/v1/changes", body)
    assert answer.status == 422 and answer.code == "invalid"


@pytest.mark.parametrize("body, setting", [
    ({"name": "a.example", "tls": "perhaps"}, "tls"), ({"name": "a.example", "tls": 5}, "tls"),
    ({"name": "a.example", "dialback": "maybe"}, "dialback"), ({"name": "a.example", "connection-limit": -1}, None),
    ({"name": "a.example", "connection-limit": 10 ** 12}, "connection-limit"),
    ({"name": "a.example", "connection-limit": 1.5}, "connection-limit"),
    ({"name": "a.example", "additional-domains": "b.example"}, "additional-domains"),
    ({"name": "a.example", "additional-domains": ["not a domain"]}, "additional-domains"),
    ({"name": "a.example", "additional-domains": {"put": ["b.example"]}}, "additional-domains"),
    ({"name": "a.example", "description": "x" * 2000}, "description"),
    ({"name": "a.example", "description": "a\u0007b"}, "description"),
    ({"name": "a.example", "description": []}, "description"), ({"name": "a.example", "tsl": "required"}, None),
    ({"name": "not a domain"}, None), ({"name": ""}, None), ({"name": 5}, "name"), ({}, "name"),
    ({"name": "a.example", "description": "\ufdd0\U0010ffff" * 400}, None)])
def test_bad_values_are_problems_that_say_where(shared, body, setting):
    answer = shared.root("POST", "/v1/partners", body)
    assert answer.status == 422, answer.raw
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["status"] == 422 and answer.json["detail"] and answer.json["title"]
    assert answer.json["type"] == "urn:stox:problem:" + answer.code == "urn:stox:problem:invalid"
    if setting:
        assert answer.json["setting"] == setting
    assert shared.root("GET", "/v1/partners/a.example").status == 404


def test_an_object_keeps_its_name(shared):
    shared.root("POST", "/v1/partners", {"name": "keeps.example"})
    path = "/v1/partners/keeps.example"
    assert shared.root("PATCH", path, {"name": "other.example"}).status == 422
    assert shared.root("PATCH", path, {"name": "KEEPS.example"}).status == 200
    assert shared.root("PATCH", path, shared.root("GET", path).json).status == 200


def test_the_matrix_is_the_one_of_the_page(shared):
    rows = shared.root("GET", "/v1/matrix").json["rows"]
    assert [r["row"] for r in rows] == list(range(1, 19))
    assert [r["row"] for r in rows if r["verdict"] == "warning"] == [1, 3, 4, 5, 9, 10, 11]
    assert [r["row"] for r in rows if r["verdict"] == "invalid"] == [6, 12, 14, 16, 18]
    assert all(bool(r["reason"]) == (r["verdict"] != "ok") for r in rows)
    assert rows[0] == {"row": 1, "tls": "required", "sasl": "required", "dialback": True, "methods": ["sasl-over-tls"],
                       "verdict": "warning", "reason": rows[0]["reason"]}
    assert rows[14]["methods"] == ["dialback-over-tls", "dialback-over-tcp"] and rows[14]["tls"] == "optional"


def test_effective_says_who_may_and_why(server):
    def ask(user):
        return server.root("GET", "/v1/effective?user=" + user).json

    assert ask("alice@contoso.example")["allowed"] is False
    server.root("PATCH", "/v1/org", {"federation": True})
    server.root("PATCH", "/v1/policies/global", {"federation": True, "xmpp": True})
    server.root("POST", "/v1/sites", {"name": "rome", "users": ["*@contoso.example"]})
    verdict = ask("sip:Alice@Contoso.example")
    assert verdict["user"] == "alice@contoso.example" and verdict["allowed"] is True
    assert verdict["level"] == "global" and verdict["policy"] == "global" and verdict["site"] == "rome"
    server.root("PATCH", "/v1/sip-users/alice@contoso.example", {"served": False})
    verdict = ask("alice@contoso.example")
    assert verdict["allowed"] is False and verdict["served"] is False and verdict["why"]
    assert ask("tel+491@contoso.example")["user"] == "tel+491@contoso.example"
    assert server.root("GET", "/v1/effective").status == 400
    assert server.root("GET", "/v1/effective?user=nobody").status == 422
    assert "with" not in ask("bob@contoso.example")
    assert ask("bob@contoso.example&with=romeo@fabrikam.example")["with"]["partner"] == "fabrikam.example"
    assert server.root("GET", "/v1/effective?user=bob@contoso.example&with=nobody").status == 422


def test_the_audit_has_every_change_newest_first(server):
    server.root("POST", "/v1/partners", {"name": "a.example"})
    server.root("PATCH", "/v1/partners/a.example", {"description": "x"})
    server.root("POST", "/v1/changes", {"changes": [{"op": "new", "kind": "partner", "name": "b%02d.example" % i}
                                                    for i in range(30)]})
    server.root("DELETE", "/v1/partners/a.example")
    rows = server.root("GET", "/v1/audit?kind=partner&name=A.example").json["items"]
    assert [r["action"] for r in rows] == ["remove", "set", "new"]
    assert rows[1]["before"] == {} and rows[1]["after"] == {"description": "x"}
    assert all(r["who"] == "unix:root" and r["from"] == "unix" for r in rows)
    assert all(len(r["at"]) == len("2026-11-27T22:04:05.123Z") and r["at"].endswith("Z") for r in rows)
    seen, before = [], None
    while True:
        page = server.root("GET", "/v1/audit?limit=2" + ("&before=%d" % before if before else "")).json
        seen += page["items"]
        before = page["next"]
        if before is None:
            break
    assert len([r for r in seen if r["name"].startswith("b")]) == 30  # a batch has one number and is never cut
    seqs = [r["seq"] for r in seen]
    assert seqs == sorted(seqs, reverse=True)
    assert server.root("GET", "/v1/audit?kind=nonsense").status == 400


def audit(server, query=""):
    answer = server.root("GET", "/v1/audit?" + query)
    assert answer.status == 200, answer.json
    return answer.json


def test_the_audit_is_searched_and_cut_into_pages_on_the_server(server):
    server.root("POST", "/v1/partners", {"name": "a.example", "tls": "required"})
    server.root("PATCH", "/v1/partners/a.example", {"tls": "optional"})
    server.root("PATCH", "/v1/partners/a.example", {"description": "Moved by Berta"})
    token = server.token("ci", "administrator")
    assert server.ask("PATCH", "/v1/partners/a.example", {"description": None}, token=token).status == 200

    def actions(query):
        return [(r["action"], r["by"]) for r in audit(server, query)["items"]]
    assert actions("search=OPTIONAL") == [("set", "socket")]
    assert actions("search=berta") == [("set", "token"), ("set", "socket")]  # was, and became
    assert actions("by=token") == [("set", "token")] and actions("who=CI") == [("set", "token")]
    assert actions("by=session") == [] and actions("search=nowhere") == []
    assert len(actions("since=2000-01-01T00:00:00Z")) == len(actions("")) and actions("until=2000-01-01T00:00:00Z") == []
    for wrong in ("by=panel", "since=yesterday", "until=1", "search=" + 201 * "x", "line=0"):
        assert server.root("GET", "/v1/audit?" + wrong).status == 400, wrong
    # A batch is cut when it is asked for, and goes on where the page ended.
    server.root("POST", "/v1/changes", {"changes": [{"op": "new", "kind": "partner", "name": "b%02d.example" % i} for i in range(30)]})
    seen, place = [], ""
    while place is not None:
        page = audit(server, "kind=partner&cut=1&limit=7" + place)
        assert len(page["items"]) <= 7
        seen += page["items"]
        place = page["next"] and "&before=%d&line=%d" % (page["next"], page["next-line"])
    assert [r["name"] for r in seen if r["name"][0] == "b"] == ["b%02d.example" % i for i in reversed(range(30))]
    assert len({(r["seq"], r["line"]) for r in seen}) == len(seen) == 34


def test_the_audit_says_that_a_secret_is_another_one_and_not_which(server):
    server.root("POST", "/v1/users", {"name": "anna", "role": "administrator", "password": "correct horse battery"})
    server.root("PATCH", "/v1/users/anna", {"password": "another horse battery"})
    row = audit(server, "kind=user&name=anna&limit=1")["items"][0]
    assert (row["before"]["password"], row["after"]["password"]) == ("***", "*** (another one)")


def test_the_daemon_is_asked(server):
    assert server.root("GET", "/v1/status").json == {"state": "running", "streams": 2}
    metrics = server.root("GET", "/metrics")
    assert metrics.headers["Content-Type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    assert metrics.raw.endswith(b"# EOF\n")
    assert [s["id"] for s in server.root("GET", "/v1/streams").json["items"]] == [7, 8, 9, 10]
    assert server.root("GET", "/v1/streams/7").json["steps"][0]["step"] == "tls"
    for gone in "9", "x", "-1", "99999999999999999999":
        assert server.root("GET", "/v1/streams/" + gone).status == 404, gone
    assert server.root("DELETE", "/v1/streams/7").status == 200
    for gone in ("7", "9", "x", "-1", "99999999999999999999999"):
        assert server.root("DELETE", "/v1/streams/" + gone).status == 404, gone


def test_streams_are_searched_sorted_and_turned_over(server):
    def look(query):
        got = server.root("GET", "/v1/streams?" + query)
        assert got.status == 200, (query, got.json)
        return [s["id"] for s in got.json["items"]], got.json["total"]

    for query, ids in (("sort=remote", [9, 7, 8, 10]), ("sort=-remote", [10, 8, 7, 9]), ("sort=age-s", [10, 8, 7, 9]),
                       ("sort=-stanzas-in", [8, 7, 10, 9]), ("sort=cipher", [9, 10, 8, 7]), ("sort=", [7, 8, 9, 10]),
                       ("direction=out", [7, 10]), ("direction=both", [9]), ("state=ready", [7, 8, 9]),
                       ("state=closing", []), ("search=TAILSPIN", [8, 10]), ("search=wingtip", [9]),
                       ("search=192.0.2.2", [8]), ("search=aes_256", [7]), ("search=tail&direction=in&state=ready", [8])):
        assert look(query) == (ids, len(ids)), query
    assert look("limit=1&sort=age-s&offset=1") == ([8], 4)
    assert look("limit=3") == ([7, 8, 9], 4) and look("offset=4") == ([], 4)
    for bad in ("sort=id-", "sort=-", "sort=pin", "direction=up", "state=failing", "offset=x", "limit=0", "limit=1001",
                "after=7", "search=" + "x" * 201, "partner=fabrikam.example"):
        assert server.root("GET", "/v1/streams?" + bad).status == 400, bad


def test_without_the_store_one_may_look_but_not_change(server):
    import sqlite3
    from rig.process import eventually
    server.root("POST", "/v1/partners", {"name": "a.example"})
    other = sqlite3.connect(os.path.join(server.folder, "stox.db"), isolation_level=None, timeout=20)
    other.execute("BEGIN EXCLUSIVE")
    refused = server.root("POST", "/v1/partners", {"name": "b.example"})
    assert refused.status == 503 and refused.code == "away" and refused.headers["Retry-After"] == "5"
    assert server.root("GET", "/v1/partners/a.example").status == 200
    assert server.root("GET", "/v1/partners/b.example").status == 404
    other.execute("ROLLBACK")
    other.close()
    eventually(lambda: server.root("POST", "/v1/partners", {"name": "b.example"}).status == 201, "the store is back")


def test_a_large_batch_goes_through(server):
    users = [{"op": "set", "kind": "sip-user", "name": "u%05d@contoso.example" % i, "values": {"served": False}}
             for i in range(20000)]
    done = server.root("POST", "/v1/changes", {"changes": users})
    assert done.status == 200 and done.json["changed"] == 20000 and len(done.json["results"]) == 20000
    assert server.root("GET", "/v1/sip-users/u19999@contoso.example").json["served"] is False


def test_what_is_stored_is_there_after_a_restart(server):
    from support import Server
    server.root("POST", "/v1/partners", {"name": "stays.example"})
    token = server.token("ci", "reader")
    server.stop()
    server.__init__(folder=server.folder)
    assert server.ask("GET", "/v1/partners/stays.example", token=token).status == 200
    assert isinstance(server, Server)


def test_a_partner_is_tested_and_its_failures_are_shown(server):
    at = "/v1/partners/p.example"
    assert server.root("GET", at + "/status").json["failed"][0]["fault"] == "connection-refused"
    assert server.root("GET", "/v1/partners/other.example/status").status == 404
    begun = server.root("POST", at + "/test", {"from": "contoso.example"})
    assert (begun.status, begun.json["id"]) == (202, 1)
    tests = [server.root("GET", at + "/test/1").json for _ in range(3)]
    assert [t["done"] for t in tests] == [False, False, True] and tests[2]["works"], tests
    for bad, status in ({"from": "other.example"}, 422), ({"from": 5}, 422), ({"to": "x"}, 422), ([], 422):
        assert server.root("POST", at + "/test", bad).status in (status, 400), bad
    assert server.root("POST", "/v1/partners/other.example/test", {}).status == 404
    for gone in "2", "x", "-1", "99999999999999999999":
        assert server.root("GET", "%s/test/%s" % (at, gone)).status == 404, gone
    assert server.root("DELETE", at + "/test/1").status == 405


def test_who_talks_with_whom_and_what_waits_comes_in_bounded_pages(server):
    page = server.root("GET", "/v1/conversations?user=alice@contoso.example&limit=5").json
    assert page["items"][0]["id"] == "00000000000000a1" and page["items"][0]["idle-s"] == 5 and page["next"] == 41
    assert server.root("GET", "/v1/conversations?before=41").json["next"] is None
    assert server.root("GET", "/v1/conversations?state=failed").json["items"] == []
    assert server.root("GET", "/v1/conversations").json["items"][0]["idle-s"] == 100  # the page, where none is asked for
    assert server.root("GET", "/v1/conversations/00000000000000a1").json["sip-to-xmpp"]["messages"] == 3
    assert server.root("GET", "/v1/conversations/a1").status == 404
    assert server.root("GET", "/v1/queue?partner=fabrikam.example").json["left-out"] == 0
    for bad, status in (("/v1/conversations?limit=0", 400), ("/v1/conversations?limit=1001", 400),
                        ("/v1/conversations?before=x", 400), ("/v1/conversations?who=x", 400),
                        ("/v1/conversations?user=x", 422), ("/v1/queue?before=1", 400), ("/v1/queue?limit=-1", 400)):
        assert server.root("GET", bad).status == status, bad


PAIR = "sip=alice@contoso.example&xmpp=%3Dromeo,@fabrikam.example"


def test_subscriptions_are_listed_shown_and_refreshed(server):
    page = server.root("GET", "/v1/subscriptions?user=alice@contoso.example&limit=5").json
    assert page["items"][0]["state"] == "active" and page["next"] == 41
    assert server.root("GET", "/v1/subscriptions?after=41").json["next"] is None
    assert server.root("GET", "/v1/subscription?" + PAIR).json["presence"][0]["state"] == "away"
    who = {"sip": "alice@contoso.example", "xmpp": "=romeo,@fabrikam.example"}
    assert server.root("POST", "/v1/subscription/refresh", who).json == {"refreshed": 1}
    for method, bad, body, status in (
            ("GET", "/v1/subscriptions?limit=0", None, 400), ("GET", "/v1/subscriptions?limit=1001", None, 400),
            ("GET", "/v1/subscriptions?state=x", None, 400), ("GET", "/v1/subscriptions?user=x", None, 422),
            ("GET", "/v1/subscription", None, 422), ("GET", "/v1/subscription?sip=a@b.example&xmpp=c@d.example", None, 404),
            ("POST", "/v1/subscription/refresh", {"sip": "a@b.example", "xmpp": "c@d.example"}, 404),
            ("POST", "/v1/subscription/refresh", {"sip": "a@b.example"}, 422),
            ("POST", "/v1/subscription/refresh", {**who, "more": 1}, 422)):
        assert server.root(method, bad, body).status == status, (method, bad, body)


def test_contacts_come_in_pages_and_what_is_wrong_is_said(server):
    page = server.root("GET", "/v1/contacts?user=alice@contoso.example&state=to&limit=5").json
    assert page["items"][0]["sip-watches"] == "granted" and page["next"] == 41
    assert server.root("GET", "/v1/contacts?after=41").json["next"] is None
    assert server.root("GET", "/v1/contact?" + PAIR).json["subscription"] == "to"
    browsed = server.root("GET", "/v1/contacts?search=%20ROMEO%20&sort=-xmpp&offset=150&limit=50").json
    assert (browsed["search"], browsed["sort"], browsed["offset"], browsed["total"]) == ("romeo", "-xmpp", 150, 100)
    assert server.root("GET", "/v1/contacts?offset=0").json["total"] == 100
    for bad in ("after=5&sort=sip", "offset=x", "offset=-1", "offset=4294967296", "search=" + "x" * 201):
        assert server.root("GET", "/v1/contacts?" + bad).status == 400, bad
    for method, bad, body, status in (
            ("GET", "/v1/contacts?limit=0", None, 400), ("GET", "/v1/contacts?limit=1001", None, 400),
            ("GET", "/v1/contacts?after=x", None, 400), ("GET", "/v1/contacts?before=1", None, 400),
            ("GET", "/v1/contacts?state=x", None, 422), ("GET", "/v1/contact", None, 422),
            ("GET", "/v1/contact?sip=alice@contoso.example", None, 422),
            ("GET", "/v1/contact?sip=bob@contoso.example&xmpp=romeo@fabrikam.example", None, 404),
            ("DELETE", "/v1/contact?sip=bob@contoso.example&xmpp=romeo@fabrikam.example", None, 404),
            ("DELETE", "/v1/contact?both=2&" + PAIR, None, 400), ("DELETE", "/v1/contact?sip=x", None, 422),
            ("POST", "/v1/contacts/purge", {}, 422), ("POST", "/v1/contacts/purge", {"partner": "x"}, 422),
            ("POST", "/v1/contacts/purge", {"user": 5}, 422), ("POST", "/v1/contacts", {"contacts": []}, 422),
            ("POST", "/v1/contacts", {"contacts": {}}, 422), ("POST", "/v1/contacts", {"x": []}, 422),
            ("POST", "/v1/contacts", {"contacts": [{}] * 1001}, 422), ("POST", "/v1/contacts", {"contacts": [{}]}, 422)):
        assert server.root(method, bad, body).status == status, (method, bad, body)


def test_what_is_done_to_contacts_is_in_the_audit(server):
    admin = server.token("root2", "administrator")
    desk = server.token("desk", "helpdesk")
    assert server.ask("DELETE", "/v1/contact?" + PAIR, token=desk).status == 403
    assert server.ask("DELETE", "/v1/contact?both=yes&" + PAIR, token=admin).json["sip-watches"] == "granted"
    row = server.root("GET", "/v1/audit?kind=contact").json["items"][0]
    assert (row["who"], row["action"], row["name"]) == \
        ("token:root2", "contact", "alice@contoso.example =romeo,@fabrikam.example"), row
    assert row["after"]["did"] == "remove" and row["after"]["both"] is True and row["after"]["before"]["added"] is True
    assert server.root("DELETE", "/v1/contact?sip=bob@contoso.example&xmpp=romeo@fabrikam.example").status == 404
    assert server.root("POST", "/v1/contacts/purge?dry-run=1", {"domain": "fabrikam.example"}).json == {"contacts": 12}
    assert len(server.root("GET", "/v1/audit?kind=contact").json["items"]) == 1  # nothing was done
    assert server.root("POST", "/v1/contacts/purge", {"domain": "fabrikam.example"}).json == {"contacts": 12}
    one = {"sip": "alice@contoso.example", "xmpp": "romeo@fabrikam.example", "sip-watches": "granted"}
    assert server.root("POST", "/v1/contacts", {"contacts": [one, one]}).json == {"contacts": 2}
    rows = server.root("GET", "/v1/audit?kind=contact").json["items"]
    assert [(r["name"], r["after"]["did"]) for r in rows[:2]] == [("2 contacts", "import"), ("fabrikam.example", "purge")]


def test_D16_who_looks_at_traffic_is_in_the_audit_and_reads_alone(server):
    desk, other = server.token("desk", "helpdesk"), server.token("other", "administrator")
    wish = {"users": ["alice@contoso.example"], "seconds": 60}
    begun = server.ask("POST", "/v1/traces", wish, token=desk)
    assert (begun.status, begun.json) == (201, {"id": 5})
    row = server.root("GET", "/v1/audit?kind=trace").json["items"][0]
    assert (row["who"], row["action"], row["name"]) == ("token:desk", "trace", "alice@contoso.example"), row
    assert row["after"] == {"users": ["alice@contoso.example"], "bodies": False, "seconds": 60}
    page = server.ask("GET", "/v1/traces/5?after=0", token=desk).json
    assert page["next"] == 1 and page["events"][0]["leg"] == "sip" and "text" not in page["events"][0]
    page = server.ask("GET", "/v1/traces/5?after=0&text=1", token=desk).json
    assert page["head"] == "time (UTC)    SIP" + 47 * " " + "| XMPP\n"
    assert page["events"][0]["between"].startswith("-- SIP: alice@contoso.example   XMPP: romeo@fabrikam.example   conversation ")
    line, below = page["events"][0]["text"].splitlines()
    assert line == "00:00:00.123Z MESSAGE sip:r\u00f6meo " + 31 * "-" + ">|" and below.strip() == "call-id=1", line
    line = server.ask("GET", "/v1/traces/5?after=1&text=1", token=desk).json["events"][0]["text"].splitlines()[0]
    assert line == "00:00:00.123Z " + 50 * " " + "|---> message id=\\u{1b}[2J", line
    assert server.ask("GET", "/v1/traces/5", token=other).status == 404  # another's, whatever his role
    assert server.ask("DELETE", "/v1/traces/5", token=other).status == 404
    assert server.ask("DELETE", "/v1/traces/5", token=desk).status == 200
    assert server.ask("GET", "/v1/traces/5", token=desk).status == 404


def test_bodies_take_an_administrator_and_what_is_refused_is_not_audited(server):
    desk = server.token("desk", "helpdesk")
    rows = len(server.root("GET", "/v1/audit").json["items"])
    assert server.ask("POST", "/v1/traces", {"users": ["a@b.example"], "bodies": True}, token=desk).status == 403
    for bad in ({}, {"users": "a@b.example"}, {"users": [1]}, {"users": ["a@b.example"], "seconds": 0},
                {"users": ["a@b.example"], "seconds": 86401}, {"users": ["a@b.example"], "bodies": 1},
                {"partners": ["x.example"] * 17}, {"users": ["a@b.example"], "more": 1}):
        assert server.root("POST", "/v1/traces", bad).status == 422, bad
    for bad in "after=x", "limit=501", "limit=0", "wait=1", "text=x":
        assert server.root("GET", "/v1/traces/5?" + bad).status == 400, bad
    assert len(server.root("GET", "/v1/audit").json["items"]) == rows


def test_without_the_audit_nobody_looks(server):
    import sqlite3
    other = sqlite3.connect(os.path.join(server.folder, "stox.db"), isolation_level=None, timeout=20)
    other.execute("BEGIN EXCLUSIVE")
    refused = server.root("POST", "/v1/traces", {"users": ["alice@contoso.example"]})
    assert refused.status == 503 and server.root("GET", "/v1/traces/5").status == 404
    other.execute("ROLLBACK")
    other.close()


def test_D16_who_writes_in_anothers_name_is_in_the_audit(server):
    wish = {"from": "alice@contoso.example", "to": "romeo@fabrikam.example"}
    begun = server.ask("POST", "/v1/message-tests", wish, token=server.token("root", "administrator"))
    assert (begun.status, begun.json) == (202, {"id": 1})
    row = server.root("GET", "/v1/audit?kind=test").json["items"][0]
    assert (row["who"], row["action"], row["name"], row["after"]) == ("token:root", "test", wish["to"], wish), row
    assert [server.root("GET", "/v1/message-tests/1").json["done"] for _ in range(2)] == [False, True]
    for bad, status in (({"from": "a"}, 422), ({"from": 1, "to": "b"}, 422), ({**wish, "more": 1}, 422), ([], 400)):
        assert server.root("POST", "/v1/message-tests", bad).status == status, bad
    often = server.root("POST", "/v1/message-tests", {**wish, "text": "again"})
    assert often.status == 429 and often.code == "too-many" and often.headers["Retry-After"]
    for gone in "3", "x", "-1":
        assert server.root("GET", "/v1/message-tests/" + gone).status == 404, gone


def test_records_and_checks_are_asked_for_and_bad_wishes_refused(server):
    records = server.root("GET", "/v1/dns/records?domains=contoso.example&ttl=300")
    assert records.status == 200 and records.json["items"][0]["ttl"] == 300
    for query, status in (("domains=other.example", 422), ("domains=a.example,,b.example", 422), ("ttl=0", 400),
                          ("ttl=604801", 400), ("domains=" + ",".join(["a.b"] * 501), 422), ("domain=a.example", 400)):
        answer = server.root("GET", "/v1/dns/records?" + query)
        assert answer.status == status, (query, answer.status, answer.raw)
    begun = server.root("POST", "/v1/checks", {"what": "dns", "domains": ["contoso.example"], "resolvers": ["192.0.2.53"]})
    assert (begun.status, begun.json) == (202, {"id": 1})
    assert [server.root("GET", "/v1/checks/1").json["done"] for _ in range(2)] == [False, True]
    for bad, status in (({}, 422), ({"what": "more"}, 422), ({"what": 1}, 422), ({"what": "dns", "domains": "a"}, 422),
                        ({"what": "dns", "domains": [1]}, 422), ({"what": "dns", "domains": ["a.b"] * 501}, 422),
                        ({"what": "dns", "resolvers": ["x"]}, 422), ({"what": "dns", "resolvers": ["192.0.2.53"] * 3}, 422),
                        ({"what": "dns", "more": 1}, 422), ([], 400)):
        answer = server.root("POST", "/v1/checks", bad)
        assert answer.status == status, (bad, answer.status, answer.raw)
    often = server.root("POST", "/v1/checks", {"what": "dns", "domains": ["many.example"]})
    assert often.status == 429 and often.code == "too-many" and often.headers["Retry-After"]
    for gone in "3", "x", "-1":
        assert server.root("GET", "/v1/checks/" + gone).status == 404, gone


def test_D16_who_tests_presence_in_anothers_name_is_in_the_audit(server):
    wish = {"sip": "alice@contoso.example", "xmpp": "romeo@fabrikam.example"}
    begun = server.ask("POST", "/v1/presence-tests", wish, token=server.token("desk", "helpdesk"))
    assert (begun.status, begun.json) == (202, {"id": 1})
    row = server.root("GET", "/v1/audit?kind=test").json["items"][0]
    assert (row["who"], row["action"], row["name"], row["after"]) == ("token:desk", "test", wish["sip"], wish), row
    assert [server.root("GET", "/v1/presence-tests/1").json["done"] for _ in range(2)] == [False, True]
    for way, test in ("both", 1), ("sip-to-xmpp", 2), ("xmpp-to-sip", 3):
        assert server.root("POST", "/v1/presence-tests", {**wish, "way": way}).json == {"id": test}
    for bad in ({"sip": "a"}, {"sip": 1, "xmpp": "b"}, {**wish, "way": "x"}, {**wish, "more": 1}):
        assert server.root("POST", "/v1/presence-tests", bad).status == 422, bad
    often = server.root("POST", "/v1/presence-tests", {**wish, "sip": "again@contoso.example"})
    assert often.status == 429 and often.code == "too-many"
    for gone in "4", "x", "-1":
        assert server.root("GET", "/v1/presence-tests/" + gone).status == 404, gone


def test_partners_are_searched_sorted_and_turned_over(server):
    names = ["p%02d.example" % i for i in range(30)]
    made = server.root("POST", "/v1/changes", {"changes": [
        {"op": "new", "kind": "partner", "name": name, "values": {
            "description": "Number %d" % (99 - i), "connection-limit": (i * 7) % 30,
            "additional-domains": ["b\u00fccher.example"] if i == 4 else [], "component": "",
            "component-secret": "hidden sesame"}} for i, name in enumerate(names)]})
    assert made.status == 200, made.raw

    def browse(query):
        answer = server.root("GET", "/v1/partners?" + query)
        assert answer.status == 200 and answer.json["next"] is None, answer.raw
        return [item["name"] for item in answer.json["items"]], answer.json["total"]

    assert browse("sort=-name&limit=2") == (["p29.example", "p28.example"], 30)
    assert browse("sort=description&limit=1") == (["p29.example"], 30)
    by_number = browse("sort=connection-limit&limit=1000")[0]
    assert by_number == sorted(names, key=lambda n: (names.index(n) * 7) % 30)
    assert browse("offset=28&search=") == (names[28:], 30)
    assert browse("offset=1000") == ([], 30)
    assert browse("search=NUMBER%2099") == (["p00.example"], 1)
    assert browse("search=b%C3%BCcher") == (["p04.example"], 1)
    assert browse("search=sesame") == ([], 0)  # a secret is not found by trying
    states = server.root("GET", "/v1/partners?state=any&sort=state&limit=3").json["items"]
    assert [s["name"] for s in states] == ["p07.example", "p03.example", "p00.example"]
    assert [s["state"]["is"] for s in states] == ["failing", "connected", "idle"]
    assert browse("state=failing") == (["p07.example"], 1)
    assert browse("state=idle&limit=1") == (["p00.example"], 28)
    for query in ("sort=nonsense", "sort=component-secret", "sort=revision", "offset=x", "offset=-1", "offset=1&after=a",
                  "state=happy", "limit=0", "limit=1001", "search=" + "x" * 201):
        assert server.root("GET", "/v1/partners?" + query).status == 400, query
    assert server.root("GET", "/v1/routes?state=any").status == 400
