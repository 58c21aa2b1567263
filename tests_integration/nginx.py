"""A real nginx with the configuration of deploy/."""

import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
from urllib.parse import urlsplit

from driver import Answer, Api
from servers import ROOT, TIMEOUT

DEPLOY = ROOT / "deploy"
NAME = "snake.example.org"

# What nginx's own configuration has around a block in conf.d, but that all it writes is below the folder.
MAIN = """
daemon off;
worker_processes 1;
pid nginx.pid;
error_log error.log info;
{user}
events {{ worker_connections 1024; }}
http {{
    include /etc/nginx/mime.types;
    log_format upstream "$upstream_addr $status $request";
    access_log access.log upstream;
    client_body_temp_path temp;
    proxy_temp_path temp;
    fastcgi_temp_path temp;
    uwsgi_temp_path temp;
    scgi_temp_path temp;
    {block}
}}
"""
# A site of somebody's, which the block for a path is for.
SITE = """
server {{
    listen 443 ssl http2;
    server_name {name};
    ssl_certificate /etc/letsencrypt/live/{name}/fullchain.pem;
    ssl_certificate_key /etc/letsencrypt/live/{name}/privkey.pem;
    location / {{ default_type text/plain; return 200 "a site\\n"; }}
    {block}
}}
"""


def find():
    """Where nginx is; None if there is none."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def make_certificate(folder):
    """A certificate for the name and for 127.0.0.1, as certbot lays it out; the folder that it is in."""
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "2"),
            *("-keyout", "privkey.pem", "-out", "fullchain.pem", "-subj", f"/CN={NAME}"),
            *("-addext", f"subjectAltName=DNS:{NAME},IP:127.0.0.1"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


class Nginx:
    """nginx with a block of deploy/ before the servers at those addresses, in a folder of its own and at free ports.

    `path` is where the block serves them, such as /snake. `connections` are those that an address may have, instead of the
    block's own number.
    """

    def __init__(self, folder, block, certificate, servers, path="", connections=None):
        self.folder, self.certificate, self.path = folder, certificate, path
        self.sockets = {80: _listen(), 443: _listen()}
        self.url = f"https://127.0.0.1:{self.port(443)}{path}"
        text = (DEPLOY / block).read_text()
        if "server {" not in text:
            text = (DEPLOY / "nginx-limits.conf").read_text() + SITE.format(name=NAME, block=text)
        if connections:
            text = re.sub(r"(limit_conn \w+) \d+;", rf"\1 {connections};", text)
        self.block = self._here(text, [urlsplit(url).netloc for url in servers])
        self.process = None

    def port(self, number):
        """The port that replaces this one."""
        return self.sockets[number].getsockname()[1]

    def _here(self, text, servers):
        """The block with the addresses of these servers, our ports, and the tests' certificate in place of its own."""
        text = re.sub(r"^\s*listen \[::\]:.*\n", "", text, flags=re.M)
        for number in self.sockets:
            text = re.sub(rf"listen {number}\b", f"listen 127.0.0.1:{self.port(number)}", text)
        text = text.replace(f"/etc/letsencrypt/live/{NAME}", str(self.certificate))
        given = list(dict.fromkeys(re.findall(r"[\d.]+:8000", text)))
        for address, server in zip(given, servers, strict=True):
            text = text.replace(address, server)
        return text

    def start(self):
        """Start it; it has inherited sockets that listen already, so that nobody has to wait or to guess a port."""
        user = "user root;" if os.geteuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(MAIN.format(user=user, block=self.block))
        inherited = [listening.fileno() for listening in self.sockets.values()]
        with (self.folder / "stderr").open("a") as stderr:
            self.process = subprocess.Popen(
                [find(), "-p", self.folder, "-c", "nginx.conf", "-e", "error.log"],
                env={"NGINX": "".join(f"{number};" for number in inherited), "PATH": os.environ["PATH"]},
                pass_fds=inherited,
                stderr=stderr,
                start_new_session=True,
            )
        return self

    def stop(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(TIMEOUT)
        for listening in self.sockets.values():
            listening.close()

    def served_by(self):
        """The addresses of the servers that have been asked so far."""
        lines = (self.folder / "access.log").read_text().splitlines()
        return {line.split()[0].rstrip(",") for line in lines}

    def tls(self):
        return ssl.create_default_context(cafile=self.certificate / "fullchain.pem")

    def connect(self, protocols=("http/1.1",)):
        """A connection as a client has it, which speaks TLS already."""
        connection, tls = socket.create_connection(("127.0.0.1", self.port(443)), timeout=TIMEOUT), self.tls()
        tls.set_alpn_protocols(protocols)
        return tls.wrap_socket(connection, server_hostname="127.0.0.1")

    def ask(self, method, path, body=None, headers=(), source="127.0.0.1"):
        """One request, from an address of this machine; (status, headers, body)."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port(443), timeout=TIMEOUT, context=self.tls(), source_address=(source, 0)
        )
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    @property
    def api(self):
        return self.api_from("127.0.0.1")

    def api_from(self, source):
        """The API as a client at that address of this machine has it."""

        def send(method, path, body, headers):
            raw = None if body is None else json.dumps(body)
            status, answered, content = self.ask(method, self.path + path, raw, headers, source)
            is_json = "json" in answered.get("Content-Type", "")
            return Answer(status, answered, json.loads(content) if is_json and content else None)

        return Api(send)


def _listen():
    return socket.create_server(("127.0.0.1", 0), backlog=511)
