# SPDX-FileCopyrightText: The immuta.integrations contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The requests to AWS and Okta for temporary database credentials, answered over HTTPS."""

from __future__ import annotations

import base64
import http.server
import json
import os
import re
import ssl
import threading
import typing as t
import urllib.parse

EXPIRATION = "2099-01-01T00:00:00Z"
ASSERTION = """<Response><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>\
arn:aws:iam::123456789012:role/redshift,arn:aws:iam::123456789012:saml-provider/okta</AttributeValue></Attribute></Response>"""

GET_CLUSTER_CREDENTIALS = """<GetClusterCredentialsResponse><GetClusterCredentialsResult><DbUser>{user}</DbUser>
<DbPassword>{password}</DbPassword><Expiration>{expiration}</Expiration></GetClusterCredentialsResult>
</GetClusterCredentialsResponse>"""
DESCRIBE_CLUSTERS = """<DescribeClustersResponse><DescribeClustersResult><Clusters><Cluster><Endpoint>
<Address>{host}</Address><Port>{port}</Port></Endpoint></Cluster></Clusters></DescribeClustersResult>
</DescribeClustersResponse>"""
ASSUME_ROLE = """<AssumeRoleWithSAMLResponse><AssumeRoleWithSAMLResult><Credentials><AccessKeyId>key</AccessKeyId>
<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>{expiration}</Expiration></Credentials>
</AssumeRoleWithSAMLResult></AssumeRoleWithSAMLResponse>"""
ERROR = "<ErrorResponse><Error><Code>{code}</Code><Message>PASSWORD {password}</Message></Error></ErrorResponse>"


class FakeAws:
    """Context manager: provides one account for the database at ``host``:``port``.

    ``asked`` has the names of the requests, in order. ``okta_login`` is the login that Okta accepts. ``refuse`` is an
    error code for requests of credentials. ``endpoint`` is whether the cluster has one.
    """

    def __init__(self, certificate: tuple[str, str], host: str, port: int, user: str, password: str) -> None:
        self.facts = {"host": host, "port": port, "user": user, "password": password, "expiration": EXPIRATION}
        self.okta_login = {"username": "zoe", "password": "Okta-Pa55word"}
        self.refuse: str | None = None
        self.endpoint = True
        self.asked: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.address = f"localhost:{self._server.server_address[1]}"

    def __enter__(self) -> FakeAws:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *unused: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def environment(self, authority: str) -> dict[str, str]:
        """Return the environment of a client: this address, the CA in ``authority`` (a path), and no own files."""
        return {
            "AWS_ENDPOINT_URL": f"https://{self.address}",
            "AWS_CA_BUNDLE": authority,
            "REQUESTS_CA_BUNDLE": authority,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "Aws-5ecret-Key",
            "AWS_SESSION_TOKEN": "Aws-5ession-Token",
            "AWS_DEFAULT_REGION": "eu-central-1",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def answer(self, path: str, target: str, body: str) -> tuple[int, str]:
        """Return the status and the text for a request."""
        action = target.rpartition(".")[2] or urllib.parse.parse_qs(body).get("Action", [path])[0]
        self.asked.append(action)
        if self.refuse and action == "GetCredentials":
            return 400, json.dumps({"__type": self.refuse, "message": self.facts["password"]})
        if self.refuse and action in ("GetClusterCredentials", "/api/v1/authn"):
            return 400, ERROR.format(code=self.refuse, **self.facts)
        if action == "/api/v1/authn":
            known = json.loads(body) == self.okta_login
            return (200, json.dumps({"status": "SUCCESS", "sessionToken": "t"})) if known else (401, "{}")
        if action.startswith("/home/"):
            assertion = base64.b64encode(ASSERTION.encode()).decode()
            return 200, f'<form><input name="SAMLResponse" value="{assertion}"></form>'
        if action == "GetCredentials":
            login = {"dbUser": self.facts["user"], "dbPassword": self.facts["password"], "expiration": 4070908800}
            return 200, json.dumps(login)
        if action == "DescribeClusters" and not self.endpoint:
            return 200, re.sub(r"<Endpoint>.*</Endpoint>", "", DESCRIBE_CLUSTERS, flags=re.DOTALL)
        texts = {
            "GetClusterCredentials": GET_CLUSTER_CREDENTIALS,
            "DescribeClusters": DESCRIBE_CLUSTERS,
            "AssumeRoleWithSAML": ASSUME_ROLE,
        }
        return (
            (200, texts[action].format(**self.facts))
            if action in texts
            else (404, ERROR.format(code=404, **self.facts))
        )

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        aws = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                target = self.headers.get("X-Amz-Target") or ""
                status, text = aws.answer(self.path.partition("?")[0], target, self.rfile.read(size).decode())
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *unused: t.Any) -> None:
                return

        return Handler
