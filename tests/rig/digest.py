"""Digest authentication as both sides do it (RFC 7616, RFC 8760): written anew, so that it checks the gateway's."""
import hashlib
import os
import re

HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def params(value):
    """The parameters of a challenge or of credentials, names in lower case."""
    return {name.lower(): quoted if quoted is not None else bare for name, quoted, bare in (
        (m[1], m[2], m[3]) for m in re.finditer(r'([\w*-]+)\s*=\s*(?:"([^"]*)"|([^\s,"]+))', value))}


def challenges(response, header="www-authenticate"):
    """{algorithm: parameters}, in the order they came."""
    return {c.get("algorithm", "MD5"): c for c in map(params, response.all(header))}


def _hash(algorithm, *parts):
    return hashlib.new(HASHES[algorithm], ":".join(parts).encode()).hexdigest()


def answer_of(algorithm, user, realm, password, nonce, nc, cnonce, qop, method, uri):
    return _hash(algorithm, _hash(algorithm, user, realm, password), nonce,
                 *([nc, cnonce, qop] if qop else []), _hash(algorithm, method, uri))


def credentials(challenge, user, password, uri, method="MESSAGE", nc=1, **changes):
    """The value of Authorization. changes: parameters that are said to be others than they are, None: left out."""
    said = {"username": user, "realm": challenge["realm"], "nonce": challenge["nonce"], "uri": uri,
            "algorithm": challenge.get("algorithm", "MD5"), "qop": "auth", "nc": "%08x" % nc,
            "cnonce": os.urandom(8).hex()}
    if "opaque" in challenge:
        said["opaque"] = challenge["opaque"]
    said["response"] = answer_of(said["algorithm"], user, said["realm"], password, said["nonce"], said["nc"],
                                 said["cnonce"], said["qop"], method, uri)
    said.update({name.replace("_", "-"): value for name, value in changes.items()})
    bare = "algorithm", "qop", "nc"
    return "Digest " + ", ".join(("%s=%s" if k in bare else '%s="%s"') % (k, v) for k, v in said.items() if v is not None)
