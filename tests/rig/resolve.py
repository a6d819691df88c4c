"""Asks DNS as stoxd does: through libunbound, validating. By ctypes, to need no package more."""
import ctypes
import ctypes.util

TYPES = {"A": 1, "TXT": 16, "AAAA": 28, "SRV": 33, "DNSKEY": 48}


class _Result(ctypes.Structure):
    _fields_ = [("qname", ctypes.c_char_p), ("qtype", ctypes.c_int), ("qclass", ctypes.c_int),
                ("data", ctypes.POINTER(ctypes.c_void_p)), ("len", ctypes.POINTER(ctypes.c_int)),
                ("canonname", ctypes.c_char_p), ("rcode", ctypes.c_int), ("answer_packet", ctypes.c_void_p),
                ("answer_len", ctypes.c_int), ("havedata", ctypes.c_int), ("nxdomain", ctypes.c_int),
                ("secure", ctypes.c_int), ("bogus", ctypes.c_int), ("why_bogus", ctypes.c_char_p),
                ("was_ratelimited", ctypes.c_int), ("ttl", ctypes.c_int)]


class Resolver:
    def __init__(self, server, trust_anchor_file):
        self.lib = ctypes.CDLL(ctypes.util.find_library("unbound") or "libunbound.so.8")
        self.lib.ub_ctx_create.restype = ctypes.c_void_p
        self.ctx = ctypes.c_void_p(self.lib.ub_ctx_create())
        assert self.lib.ub_ctx_set_fwd(self.ctx, server.encode()) == 0
        assert self.lib.ub_ctx_add_ta_file(self.ctx, trust_anchor_file.encode()) == 0

    def ask(self, name, rrtype):
        """(status, number of records); status: secure, insecure, bogus."""
        result = ctypes.POINTER(_Result)()
        code = self.lib.ub_resolve(self.ctx, name.encode(), TYPES[rrtype], 1, ctypes.byref(result))
        assert code == 0, "libunbound: error %d" % code
        r = result.contents
        n = 0
        while r.data[n]:
            n += 1
        status = "bogus" if r.bogus else "secure" if r.secure else "insecure"
        self.lib.ub_resolve_free(result)
        return status, n

    def close(self):
        self.lib.ub_ctx_delete(self.ctx)
