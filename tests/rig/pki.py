"""A certificate authority for the tests: good certificates, and bad ones by name. Needs openssl's command line only."""
import base64
import collections
import hashlib
import os
import subprocess
import threading

# file: certificate and what leads to the root, leaf first. both: file and key in one, as ejabberd wants it.
Cert = collections.namedtuple("Cert", "name file key both")

_CONF = """
[req]
distinguished_name = dn
prompt = no
[dn]
CN = %(cn)s
[ca]
default_ca = one
[one]
database = %(dir)s/index
new_certs_dir = %(dir)s
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[ext]
%(ext)s
"""


def key_hash(cert):
    """SHA-256 of a certificate's public key: what pins and TLSA 3 1 1 records hold."""
    pem = subprocess.run(["openssl", "x509", "-in", cert.file, "-noout", "-pubkey"], check=True, capture_output=True)
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem.stdout, check=True,
                         capture_output=True)
    return hashlib.sha256(der.stdout).digest()


def pin(cert):
    return "sha256/" + base64.b64encode(key_hash(cert)).decode()


class Pki:
    def __init__(self, folder):
        self.dir, self._one = folder, threading.Lock()  # its index is for one openssl ca at a time
        os.makedirs(folder, exist_ok=True)
        open(os.path.join(folder, "index"), "a").close()
        self.root = self._authority("root", None)
        self.intermediate = self._authority("intermediate", "root")
        self.unknown = self._authority("unknown", None)  # nobody trusts it
        self.trust_file = self.root.file
        self.trust_dir = self._trust_dir()

    def _path(self, name):
        return os.path.join(self.dir, name)

    def _openssl(self, *args):
        with self._one:
            done = subprocess.run(("openssl",) + args, cwd=self.dir, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            raise AssertionError("openssl %s: %s" % (" ".join(args), done.stdout))

    def _sign(self, name, cn, extensions, by, dates):
        """One key, one certificate. by: an authority's name, or None for itself."""
        conf = self._path(name + ".cnf")
        with open(conf, "w") as f:
            f.write(_CONF % {"cn": cn[:64], "dir": self.dir, "ext": "\n".join(extensions)})
        pem, key, csr = (self._path(name + end) for end in (".crt", ".key", ".csr"))
        self._openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-config", conf,
                      "-keyout", key, "-out", csr)
        signer = ["-selfsign", "-keyfile", key] if by is None else \
                 ["-cert", self._path(by + ".crt"), "-keyfile", self._path(by + ".key")]
        self._openssl("ca", "-batch", "-notext", "-config", conf, "-extensions", "ext", *signer,
                      "-startdate", dates[0], "-enddate", dates[1], "-in", csr, "-out", pem)
        os.chmod(key, 0o644)  # secrets of a test
        return pem, key

    def _authority(self, name, by):
        pem, key = self._sign(name, "Stox test authority, " + name,
                              ["basicConstraints = critical,CA:TRUE", "keyUsage = critical,keyCertSign,cRLSign",
                               "subjectKeyIdentifier = hash"], by, _dates(-1, 3650))
        return Cert(name, pem, key, None)

    def issue(self, name, dns=None, *, by="intermediate", days=(-1, 365), srv=(), xmpp=(),
              usage="serverAuth,clientAuth"):
        """
        A certificate for dns (default: the name itself). by: intermediate, root, unknown, or None for self-signed.
        days: from, to. srv: domains as SRVName _xmpp-server. xmpp: domains as id-on-xmppAddr.
        """
        dns = [name] if dns is None else dns
        alt = ["DNS:" + d for d in dns]
        alt += ["otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server." + d for d in srv]
        alt += ["otherName:1.3.6.1.5.5.7.8.5;UTF8:" + d for d in xmpp]
        extensions = ["basicConstraints = CA:FALSE", "keyUsage = digitalSignature", "extendedKeyUsage = " + usage]
        if alt:
            extensions.append("subjectAltName = " + ",".join(alt))
        pem, key = self._sign(name, (dns or [name])[0], extensions, by, _dates(*days))
        if by == "intermediate":
            with open(pem, "a") as f, open(self._path(by + ".crt")) as chain:
                f.write(chain.read())
        both = self._path(name + ".pem")
        with open(both, "w") as f:
            for part in (key, pem):
                with open(part) as p:
                    f.write(p.read())
        return Cert(name, pem, key, both)

    def sign(self, name, csr, *, by="intermediate", days=(-1, 365), chain=True, subject=None):
        """
        What an authority makes of a request (PEM): openssl ca, with the names and purposes that are asked for. Returns the
        certificate as PEM, with the intermediate behind it if chain says so. subject: instead of the one that is asked for.
        """
        conf, asked, pem = (self._path(name + end) for end in (".ca.cnf", ".asked.csr", ".signed.crt"))
        with open(conf, "w") as f:
            f.write((_CONF % {"cn": name, "dir": self.dir, "ext": "basicConstraints = CA:FALSE"}).replace(
                "policy = any", "policy = any\ncopy_extensions = copy"))
        with open(asked, "w") as f:
            f.write(csr)
        start, end = _dates(*days)
        self._openssl("ca", "-batch", "-notext", "-config", conf, "-extensions", "ext", "-startdate", start, "-enddate", end,
                      "-cert", self._path(by + ".crt"), "-keyfile", self._path(by + ".key"), "-in", asked, "-out", pem, *(("-subj", subject) if subject else ()))
        text = ""
        for path in [pem] + ([self._path(by + ".crt")] if chain else []):
            with open(path) as f:
                text += f.read()
        return text

    def revoke(self, cert, by="intermediate"):
        self._openssl("ca", "-batch", "-config", cert.file.replace(".crt", ".cnf"), "-revoke", cert.file,
                      "-cert", self._path(by + ".crt"), "-keyfile", self._path(by + ".key"))

    def lists(self, name):
        """A PEM file with the revocation lists of root and intermediate. It takes the place of one of that name."""
        text = ""
        for by in "root", "intermediate":
            out = self._path(by + ".crl")
            self._openssl("ca", "-gencrl", "-crldays", "7", "-config", self._path(by + ".cnf"), "-out", out,
                          "-cert", self._path(by + ".crt"), "-keyfile", self._path(by + ".key"))
            with open(out) as f:
                text += f.read()
        path = self._path(name)
        with open(path + ".new", "w") as f:
            f.write(text)
        os.replace(path + ".new", path)
        return path

    def _trust_dir(self):
        """What takes the place of /etc/ssl/certs: the one authority, as a bundle and hashed."""
        folder = self._path("trust")
        os.makedirs(folder)
        for name in ("ca-certificates.crt", "stox-test-root.pem"):
            with open(self.root.file) as source, open(os.path.join(folder, name), "w") as f:
                f.write(source.read())
        self._openssl("rehash", folder)
        return folder


def _dates(start, end):
    import datetime
    now = datetime.datetime.now(datetime.timezone.utc)
    return [(now + datetime.timedelta(days=d)).strftime("%Y%m%d%H%M%SZ") for d in (start, end)]
