"""A stream that gets no further than the answer to its header."""
import socket

HEADER = ("<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
          "from='recorder.example' to='contoso.example' version='1.0'>")


def header_answer(address, port=5269, timeout=20, until="</stream:stream>"):
    """All that comes until this does, or the other side closes."""
    with socket.create_connection((address, port), timeout) as s:
        s.settimeout(timeout)
        s.sendall(HEADER.encode())
        text = b""
        while until.encode() not in text:
            more = s.recv(4096)
            if not more:
                break
            text += more
        return text.decode()
