"""Certificates made on the fly: an authority for this run alone, a good one of this machine, and three bad ones."""

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

BAD = ("wrong_host", "expired", "self_signed")
_DAY = timedelta(days=1)
_HERE = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
_ELSEWHERE = x509.DNSName("elsewhere.example")


@dataclass(frozen=True, slots=True)
class Papers:
    """What a server on this machine may show. `authority` is the file that a client has to trust."""

    authority: Path
    here: Path
    bad: dict[str, ssl.SSLContext]

    def good(self) -> ssl.SSLContext:
        return _context(self.here)


def issue(folder: Path) -> Papers:
    """Everything is written below `folder`, for the ssl module reads keys from files alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority = _certificate(_name("Torture's own authority"), key, key, _name("Torture's own authority"), ca=True)
    trusted = folder / "authority.pem"
    trusted.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    make = _Maker(folder, key, authority.subject)
    bad = {
        "wrong_host": make.paper("wrong_host", _ELSEWHERE),
        "expired": make.paper("expired", _HERE, until=-_DAY),
        "self_signed": make.paper("self_signed", _HERE, signed=False),
    }
    return Papers(trusted, make.paper("good", _HERE), {name: _context(path) for name, path in bad.items()})


def _context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


@dataclass(frozen=True, slots=True)
class _Maker:
    folder: Path
    key: ec.EllipticCurvePrivateKey
    issuer: x509.Name

    def paper(self, name: str, host: x509.GeneralName, until: timedelta = 2 * _DAY, *, signed: bool = True) -> Path:
        """A file with a key and its certificate."""
        own = ec.generate_private_key(ec.SECP256R1())
        signer, issuer = (self.key, self.issuer) if signed else (own, _name(name))
        made = _certificate(_name(name), own, signer, issuer, host, until)
        path = self.folder / f"{name}.pem"
        plain = serialization.NoEncryption()
        secret = own.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
        return path


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    host: x509.GeneralName | None = None,
    until: timedelta = 2 * _DAY,
    *,
    ca: bool = False,
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - 3 * _DAY)
        .not_valid_after(now + until)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return builder.sign(signer, hashes.SHA256())
