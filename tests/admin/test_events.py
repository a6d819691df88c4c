"""Server-sent events: what comes, for whom, how many at once, and how they end."""
import json
import socket

from support import BOUND, BRISK, Server, Session


class Stream:
    """One connection to /v1/events, read as it comes."""

    def __init__(self, server, head="", unix=False):
        self.socket = socket.socket(socket.AF_UNIX if unix else socket.AF_INET)
        self.socket.settimeout(BOUND)
        self.socket.connect(server.socket_path if unix else (server.host, server.port))
        self.socket.sendall(("GET /v1/events HTTP/1.1\r\nHost: localhost\r\n%s\r\n" % head).encode())
        self.file = self.socket.makefile("rb")
        self.status = int(self.file.readline().split()[1])
        self.headers = {}
        for line in iter(self.file.readline, b"\r\n"):
            name, value = line.decode().split(":", 1)
            self.headers[name.lower()] = value.strip()
        self.text = b""

    def more(self):
        """The next chunk; b"": the end."""
        size = int(self.file.readline() or b"0", 16)
        data = self.file.read(size)
        self.file.readline()
        self.text += data
        return data

    def event(self, name):
        """The next one of this name."""
        want = b"event: " + name.encode() + b"\ndata: "
        while want not in self.text or b"\n\n" not in self.text.split(want, 1)[1]:
            assert self.more(), "the stream has ended"
        data, self.text = self.text.split(want, 1)[1].split(b"\n\n", 1)
        return json.loads(data)

    def end(self):
        """Reads until it ends."""
        while self.more():
            pass

    def close(self):
        self.file.close()
        self.socket.close()


def test_all_that_is_true_comes_first_and_changes_follow(server):
    stream = Stream(server, unix=True)
    assert (stream.status, stream.headers["content-type"], stream.headers["cache-control"]) == (200, "text/event-stream", "no-store")
    assert stream.event("status") == {"state": "running", "streams": 2}
    assert stream.event("partners") == {"connected": 1, "failing": 1}
    first = stream.event("settings")["change"]
    assert server.root("POST", "/v1/partners", {"name": "x.example"}).status == 201
    assert stream.event("settings")["change"] == first + 1
    stream.text = b""
    while b":\n\n" not in stream.text:  # nothing new: a comment keeps the connection
        assert stream.more()
    stream.close()


def test_it_goes_on_for_longer_than_any_answer_may_take():
    brisk = Server(deadlines=BRISK)
    stream = Stream(brisk, unix=True)
    for _ in range(3):  # a comment comes after 5 s without news; an answer may take 12 s
        stream.text = b""
        while b":\n\n" not in stream.text:
            assert stream.more()
    stream.close()
    brisk.stop()


def test_it_ends_with_its_session_and_keeps_none_alive(server):
    server.user("anna")
    server.user("boss")
    anna, boss = Session(server, "anna"), Session(server, "boss")
    head = "Cookie: %s\r\n" % anna.cookie
    stream = Stream(server, head)
    stream.event("settings")
    mine = [s["id"] for s in boss.ask("GET", "/v1/sessions").json["items"] if s["name"] == "anna"]
    assert boss.ask("DELETE", "/v1/sessions/%d" % mine[0]).status == 200
    stream.end()
    assert Stream(server, head).status == 401
    again = Session(server, "anna")
    idle = Stream(server, "Cookie: %s\r\n" % again.cookie)
    idle.event("settings")
    server.advance(31 * 60)
    idle.end()


def test_it_ends_when_a_token_is_removed(server):
    stream = Stream(server, "Authorization: Bearer %s\r\n" % server.token("t", "reader"))
    stream.event("settings")
    assert server.root("DELETE", "/v1/tokens/t").status == 200
    stream.end()


def test_nobody_holds_more_than_his_share(server):
    server.user("anna")
    anna = Session(server, "anna")
    streams = [Stream(server, "Cookie: %s\r\n" % anna.cookie) for _ in range(6)]
    for stream in streams[:2]:
        stream.end()  # the oldest gave way
    for stream in streams[2:]:
        assert stream.event("status")
    for stream in streams:
        stream.close()


def test_the_api_ends_while_some_still_watch(server):
    """The fixture sees to the rest: an exit status of 0, in time."""
    for stream in [Stream(server, unix=True) for _ in range(3)]:
        stream.event("settings")


def test_history_has_its_bounds(server):
    assert server.root("GET", "/v1/history").json["to-sip"] == [1, 60]
    assert server.root("GET", "/v1/history?minutes=1440").json["to-sip"] == [1, 1440]
    for bad in ("0", "1441", "x"):
        assert server.root("GET", "/v1/history?minutes=" + bad).status == 400
