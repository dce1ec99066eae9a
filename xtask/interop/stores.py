"""Object stores on this machine: S3 by moto, Azure Blob Storage by Azurite, and Google Cloud Storage by our own fake."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import boto3
import gcs
from azure.core.exceptions import ServiceRequestError
from azure.storage.blob import BlobServiceClient
from botocore.config import Config
from pyarrow import fs

BUCKET = "lake"
# What may never be printed or published.
SECRET = "hunter2/hunter2+hunter2"


class Store:
    """A bucket that several places share."""

    scheme = ""
    # Options of a sink that have no variable.
    options: dict[str, str] = {}
    variables: dict[str, str] = {}
    # Whether uploads that were started and not ended can be listed.
    lists_uploads = True

    def url(self, prefix: str) -> str:
        return f"{self.scheme}://{BUCKET}/{prefix}"

    def sink(self, format: str, prefix: str, **options: str) -> str:
        """A sink of the command line, in the layout that stores have."""
        layout = {} if format == "parquet" else {"layout": "snapshots"}
        options = {**self.options, **layout, **options}
        return f"{format}:{self.url(prefix)}" + ("?" + urlencode(options) if options else "")

    def stop(self) -> None:
        """Ends the server."""

    def objects(self, prefix: str) -> list[str]:
        """The names of all objects that start with a text."""
        raise NotImplementedError

    def get(self, name: str) -> bytes:
        raise NotImplementedError

    def put(self, name: str, content: bytes) -> None:
        raise NotImplementedError

    def uploads(self) -> list[str]:
        """The names of unfinished uploads."""
        return []

    def start_upload(self, name: str) -> None:
        raise NotImplementedError

    def filesystem(self) -> fs.FileSystem | None:
        """The store for pyarrow; `None` if pyarrow speaks another protocol."""
        return None

    def refusals(self) -> list[tuple[str, str, dict[str, str], str]]:
        """Wrong settings: what is wrong, the sink, the variables, and a part of the message."""
        raise NotImplementedError

    def names(self, prefix: str) -> list[str]:
        """The names of all objects below a prefix, relative to it."""
        return [name.removeprefix(prefix + "/") for name in self.objects(prefix + "/")]

    def manifest(self, prefix: str) -> dict[str, Any] | None:
        """The manifest that the pointer names, after comparing its files with it."""
        if "_fortilake/latest.json" not in self.names(prefix):
            return None
        latest = json.loads(self.get(f"{prefix}/_fortilake/latest.json"))
        manifest = json.loads(self.get(f"{prefix}/{latest['manifest']}"))
        for table in manifest["tables"]:
            for file in table["files"]:
                content = self.get(f"{prefix}/{file['path']}")
                assert len(content) == file["bytes"], f"{file['path']}: {len(content)} bytes"
                assert hashlib.sha256(content).hexdigest() == file["sha256"], file["path"]
        return manifest

    def strays(self, prefix: str) -> list[str]:
        """The tables' files that no manifest lists."""
        names = self.names(prefix)
        manifests = [name for name in names if name.startswith("_fortilake/snapshots/")]
        listed = {
            file["path"]
            for name in manifests
            for table in json.loads(self.get(f"{prefix}/{name}"))["tables"]
            for file in table["files"]
        }
        # What a killed probe left is deleted an hour later, because it may belong to a living process.
        expected = ("_fortilake/claims/", "_fortilake/snapshots/", "_fortilake/latest.json", "_fortilake/probes/")
        return [name for name in names if name not in listed and not name.startswith(expected)]


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class S3(Store):
    """S3, by moto in another process."""

    scheme = "s3"

    def __init__(self) -> None:
        # Neither boto3 nor the server may find the settings of the developer.
        os.environ.update({"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull})
        self.port = free_port()
        program = Path(sys.executable).with_name("moto_server")
        words = [str(program), "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.endpoint = f"http://127.0.0.1:{self.port}"
        self.key = "AKIAFORTILAKE"
        self.client = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=self.key,
            aws_secret_access_key=SECRET,
            config=Config(proxies={}, retries={"max_attempts": 20}),
        )
        self.client.create_bucket(Bucket=BUCKET)
        self.variables = {
            "AWS_ACCESS_KEY_ID": self.key,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def objects(self, prefix: str) -> list[str]:
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def get(self, name: str) -> bytes:
        return self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=BUCKET, Key=name, Body=content)

    def uploads(self) -> list[str]:
        found = self.client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
        return [upload["Key"] for upload in found]

    def start_upload(self, name: str) -> None:
        self.client.create_multipart_upload(Bucket=BUCKET, Key=name)

    def filesystem(self) -> fs.FileSystem | None:
        return fs.S3FileSystem(
            access_key=self.key,
            secret_key=SECRET,
            region="us-east-1",
            endpoint_override=self.endpoint,
            proxy_options=None,
        )

    def refusals(self) -> list[tuple[str, str, dict[str, str], str]]:
        good, sink = self.variables, self.sink("parquet", "x")
        server = {**good, "AWS_ENDPOINT_URL": "http://127.0.0.1:1"}
        credentials = f"parquet:s3://{self.key}:{SECRET}@lake/x"
        return [
            ("a missing bucket", "parquet:s3://nothing/x", good, "the bucket does not exist"),
            ("a wrong endpoint", sink, server, "Connection refused"),
            ("a missing region", sink, {k: good[k] for k in list(good)[:2]}, "set option `region`"),
            ("half of a key", sink, {**good, "AWS_SECRET_ACCESS_KEY": ""}, "set option `secret_access_key`"),
            ("plain HTTP", sink, {**good, "AWS_ENDPOINT_URL": "http://10.1.2.3"}, "allow_http"),
            ("another scheme", "parquet:ftp://lake/x", good, "`ftp://` is not supported"),
            ("a password in the URL", credentials, good, "credentials, a host or a query"),
        ]


class Azure(Store):
    """Azure Blob Storage, by Azurite in another process."""

    scheme = "az"
    lists_uploads = False
    account = "fortilake"
    key = base64.b64encode(SECRET.encode()).decode()

    def __init__(self, program: str) -> None:
        self.port = free_port()
        words = ["node", program, "--blobHost", "127.0.0.1", "--blobPort", str(self.port)]
        words += ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        variables = {**os.environ, "AZURITE_ACCOUNTS": f"{self.account}:{self.key}"}
        self.process = subprocess.Popen(words, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.endpoint = f"http://127.0.0.1:{self.port}/{self.account}"
        credential = {"account_name": self.account, "account_key": self.key}
        self.client = BlobServiceClient(self.endpoint, credential=credential, proxies={"http": "", "https": ""})
        self.container = self.client.get_container_client(BUCKET)
        self.create_container()
        self.options = {"endpoint": self.endpoint}
        self.variables = {"AZURE_STORAGE_ACCOUNT": self.account, "AZURE_STORAGE_KEY": self.key}

    def create_container(self) -> None:
        """Creates the container as soon as the server answers."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.container.create_container(retry_total=0)
                return
            except ServiceRequestError:
                assert time.monotonic() < deadline, "Azurite does not answer"
                time.sleep(0.2)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()

    def objects(self, prefix: str) -> list[str]:
        return list(self.container.list_blob_names(name_starts_with=prefix))

    def get(self, name: str) -> bytes:
        return self.container.download_blob(name).readall()

    def put(self, name: str, content: bytes) -> None:
        self.container.upload_blob(name, content, overwrite=True)

    def filesystem(self) -> fs.FileSystem | None:
        return fs.AzureFileSystem(
            account_name=self.account,
            account_key=self.key,
            blob_storage_authority=f"127.0.0.1:{self.port}",
            blob_storage_scheme="http",
            dfs_storage_authority=f"127.0.0.1:{self.port}",
            dfs_storage_scheme="http",
        )

    def refusals(self) -> list[tuple[str, str, dict[str, str], str]]:
        good, sink = self.variables, self.sink("parquet", "x")
        other_key = base64.b64encode(b"another key").decode()
        missing = sink.replace("//lake/", "//nothing/")
        account = {"AZURE_STORAGE_ACCOUNT": self.account}
        # Read only.
        sas = {**account, "AZURE_STORAGE_SAS_TOKEN": self.signature("rl")}
        return [
            ("a missing container", missing, good, "the container does not exist"),
            ("a wrong endpoint", sink.replace(str(self.port), "1"), good, "Connection refused"),
            ("a missing account", sink, {}, "set option `account`"),
            # Azurite answers with the code for a missing permission, and says in words what is wrong.
            ("a wrong key", sink, {**good, "AZURE_STORAGE_KEY": other_key}, "Server failed to authenticate"),
            ("half of a key", sink, {**good, "AZURE_STORAGE_KEY": "a"}, "the account key is not Base64"),
            ("a signature that permits only reading", sink, sas, "the credentials do not permit this"),
            ("plain HTTP", self.sink("parquet", "x", endpoint="http://10.1.2.3/x"), good, "allow_http"),
            ("an option of S3", self.sink("parquet", "x", region="x"), good, "option `region` does not apply to"),
        ]

    def signature(self, permissions: str) -> str:
        """A shared access signature for the account."""
        from datetime import datetime, timedelta, timezone

        from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

        return generate_account_sas(
            self.account,
            self.key,
            ResourceTypes(service=True, container=True, object=True),
            AccountSasPermissions.from_string(permissions),
            datetime.now(timezone.utc) + timedelta(hours=1),
        )


class Gcs(Store):
    """Google Cloud Storage, by our own fake in this process."""

    scheme = "gs"

    def __init__(self, folder: Path) -> None:
        self.server = gcs.Server(BUCKET)
        self.endpoint = f"http://127.0.0.1:{self.server.server_port}"
        self.options = {"endpoint": self.endpoint}
        self.folder = folder
        self.variables = self.credentials("writer", self.server.writer.json())

    def credentials(self, name: str, content: str) -> dict[str, str]:
        """The variable that names a file with credentials."""
        path = self.folder / f"{name}.json"
        path.write_text(content, "utf-8")
        return {"GOOGLE_APPLICATION_CREDENTIALS": str(path)}

    def stop(self) -> None:
        self.server.shutdown()

    def objects(self, prefix: str) -> list[str]:
        with self.server.lock:
            return sorted(name for name in self.server.objects if name.startswith(prefix))

    def get(self, name: str) -> bytes:
        return self.server.objects[name][0]

    def put(self, name: str, content: bytes) -> None:
        self.server.put(name, content)

    def uploads(self) -> list[str]:
        with self.server.lock:
            return [name for name, _ in self.server.uploads.values()]

    def start_upload(self, name: str) -> None:
        self.server.create_upload(name)

    def refusals(self) -> list[tuple[str, str, dict[str, str], str]]:
        good, sink = self.variables, self.sink("parquet", "x")
        port = str(self.server.server_port)
        reader = self.credentials("reader", self.server.reader.json())
        stranger = self.credentials("stranger", gcs.Account("writer@lake").json())
        damaged = self.credentials("damaged", json.dumps({"type": "service_account", "private_key": SECRET}))
        return [
            ("a missing bucket", sink.replace("//lake/", "//nothing/"), good, "the bucket does not exist"),
            ("a wrong endpoint", sink.replace(port, "1"), good, "Connection refused"),
            ("an unknown key", sink, stranger, "the credentials are not valid"),
            ("a damaged key", sink, damaged, "cannot use the credentials"),
            ("an account that can only read", sink, reader, "the credentials do not permit this"),
            ("plain HTTP", self.sink("parquet", "x", endpoint="http://10.1.2.3"), good, "allow_http"),
        ]
