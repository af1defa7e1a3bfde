"""Fakes at the edges of forwarding: receivers on loopback that behave as told, and a record of every connection."""

import socket
import ssl
import sys
import threading
from collections.abc import Callable
from contextlib import contextmanager, suppress
from datetime import timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.utils import timezone

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LOOPBACK = ["127.0.0.0/8"]

type Behaviour = Callable[[socket.socket, threading.Event], None]


class Receiver:
    """Takes one connection after the other on 127.0.0.1, keeps what it is sent, then does what it was told to do."""

    ADDRESS = "127.0.0.1"

    def __init__(self, behaviour: bytes | Behaviour = OK, *, tls: ssl.SSLContext | None = None) -> None:
        self.behaviour = behaviour
        self.requests: list[bytes] = []
        self.gone = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(
            (self.ADDRESS, 0), family=socket.AF_INET6 if ":" in self.ADDRESS else socket.AF_INET
        )
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def url(self, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}/hook?x=1"

    def close(self) -> None:
        self.gone.set()
        # Closing alone leaves accept() waiting for ever.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while not self.gone.is_set():
            with suppress(OSError):
                channel, _ = self._listener.accept()
                channel.settimeout(5)
                try:
                    self._answer(channel)
                finally:
                    channel.close()

    def _answer(self, channel: socket.socket) -> None:
        if self._tls is not None:
            channel = self._tls.wrap_socket(channel, server_side=True)
        if callable(self.behaviour):
            self.behaviour(channel, self.gone)
        else:
            self.requests.append(read_request(channel))
            channel.sendall(self.behaviour)
        channel.close()


@contextmanager
def receiver(behaviour: bytes | Behaviour = OK, *, tls: ssl.SSLContext | None = None):
    made = Receiver(behaviour, tls=tls)
    try:
        yield made
    finally:
        made.close()


def read_request(channel: socket.socket) -> bytes:
    """Head and body of one request with a Content-Length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += channel.recv(65536) or _ended()
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += channel.recv(65536) or _ended()
    return head + b"\r\n\r\n" + body


def _ended() -> bytes:
    raise ConnectionResetError


def after_request(head: bytes, repeated: bytes, *, every_s: float = 0.0) -> Behaviour:
    """Reads the request, sends `head`, then `repeated` again and again until the other side has had enough."""

    def behave(channel: socket.socket, gone: threading.Event) -> None:
        read_request(channel)
        channel.sendall(head)
        while not gone.wait(every_s):
            channel.sendall(repeated)

    return behave


def silent(channel: socket.socket, gone: threading.Event) -> None:
    """Takes the connection and says nothing."""
    gone.wait(5)


class ConnectGuard:
    """Sees every connect of this process, from whatever library, and lets nothing leave the machine."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] | None = None
        sys.addaudithook(self._hook)  # for the life of the process: there is no way to take one away

    @contextmanager
    def watching(self):
        self.seen = []
        try:
            yield self.seen
        finally:
            self.seen = None

    def _hook(self, event: str, arguments: tuple) -> None:
        if event != "socket.connect" or self.seen is None or not isinstance(arguments[1], tuple):
            return
        host, port = arguments[1][:2]
        self.seen.append((host, port))
        if not ip_address(host).is_loopback:
            raise ConnectionRefusedError(f"Tests talk to loopback alone, not to {host}")


class Resolver:
    """Answers look-ups from a list, one entry a call (the last again and again), and remembers what it was asked."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Authority:
    """A certificate authority of this test run."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test authority")])
        self._certificate = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def trusted(self) -> ssl.SSLContext:
        """What a sender uses that trusts this authority and no other."""
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=self._certificate.public_bytes(serialization.Encoding.PEM).decode())
        return context

    def server(self, host: str, folder) -> ssl.SSLContext:
        """What the receiver of `host` uses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        file = folder / f"{host}.pem"
        file.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = timezone.now()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
        )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
