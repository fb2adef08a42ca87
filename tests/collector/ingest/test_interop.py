"""An independent implementation of RFC 9421 signs for us, and is understood."""

import secrets

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

from collector.core import clock
from protocols.wire import signing, v1
from tests.collector.served import Served, Till, fact


class Keys(HTTPSignatureKeyResolver):  # type: ignore[misc]
    def __init__(self, till: Till) -> None:
        self._till = till

    def resolve_private_key(self, key_id: str) -> bytes:
        return self._till.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def signed(till: Till, body: bytes) -> requests.PreparedRequest:
    request = requests.Request("POST", till.served.url + v1.PATH_REPORTS, data=body).prepare()
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=Keys(till))
    signer.sign(
        request,
        key_id=till.id,
        created=clock.now(),
        nonce=secrets.token_hex(8),
        tag=signing.TAG,
        label=signing.LABEL,
        body=body,
        covered_component_ids=("@method", "@path", "content-digest"),
    )
    return request


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_report_signed_by_another_library_is_taken(served: Served) -> None:
    till = served.terminal()
    request = signed(till, till.document(fact(1)))
    answer = till.session.send(request, verify=served.authority, timeout=30)
    assert answer.status_code == 200, answer.text
    assert till.stored() == [1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_and_refused_when_changed(served: Served) -> None:
    till = served.terminal()
    request = signed(till, till.document(fact(1)))
    request.headers["Signature-Input"] = request.headers["Signature-Input"].replace(till.id, Till(served).id)
    assert till.session.send(request, verify=served.authority, timeout=30).status_code == 403
