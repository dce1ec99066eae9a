"""Runs two published clients of this API against `fortilake simulate`, as if it were the real one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hfortix_core.session import CloudSession
from hfortix_forticare import FortiCare
from pyfortiassetmgmt.core.api import Api

from checks import Checks, binary_from_arguments, environment
from clients_writes import hfortix, pyfortiassetmgmt

VARIABLES = ("AUTH_URL", "API_URL", "USERNAME", "PASSWORD")
REGISTRATION = "/ES/api/registration/v3"
PRODUCTS = 698
ACCOUNTS = 17
# The members of every product in published answers. Clients access them without checking.
KEYS = {
    "accountId", "assetGroups", "contracts", "description", "entitlements", "folderId", "folderPath",
    "isDecommissioned", "productModel", "productModelEoR", "productModelEoS", "registrationDate",
    "serialNumber", "status",
}
ENTITLEMENT_KEYS = {"endDate", "level", "levelDesc", "startDate", "type", "typeDesc"}
LOCAL_SCENARIO = """
[organization]
scope = "local"
accounts = 1
products = 60
"""


class Simulated:
    """A simulator on a port."""

    def __init__(self, lines: list[str]) -> None:
        said = dict(line.strip().split("=", 1) for line in lines)
        assert set(said) == {f"FORTICLOUD_{name}" for name in VARIABLES}, f"stdout: {lines}"
        self.auth_url, self.api_url, self.username, self.password = (
            said[f"FORTICLOUD_{name}"] for name in VARIABLES
        )
        self.auth_host = self.auth_url.split("/api/")[0]

    def post(self, path: str, token: str | None, body: dict[str, Any]) -> dict[str, Any]:
        """Makes a call directly, for organization and IAM, which neither client supports."""
        url = path if path.startswith("http") else self.api_url + path
        headers = {"Content-Type": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(url, json.dumps(body).encode(), headers, method="POST")
        # The proxy of the developer can't reach this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as answer:
            return json.load(answer)

    def token(self, client_id: str) -> str:
        """Returns a token for one of the APIs."""
        body = {"username": self.username, "password": self.password}
        body |= {"client_id": client_id, "grant_type": "password"}
        return self.post(self.auth_url, None, body)["access_token"]

    def accounts(self) -> list[int]:
        """Returns the accounts of all units."""
        units = self.post("/ES/api/organization/v1/units/list", self.token("organization"), {})
        token, found = self.token("iam"), set()
        for unit in units["organizationUnits"]["orgUnits"]:
            answer = self.post("/ES/api/iam/v1/accounts/list", token, {"parentId": unit["id"]})
            found |= {account["id"] for account in answer["accounts"] or []}
        return sorted(found)


@contextmanager
def simulate(binary: Path, scenario: str | None = None) -> Iterator[Simulated]:
    """Runs the simulator during the block, and checks that it ends cleanly on Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="fortilake-interop-") as directory:
        place, arguments = Path(directory), ["simulate", "--listen", "127.0.0.1:0"]
        if scenario is not None:
            (place / "scenario.toml").write_text(scenario, "utf-8")
            arguments += ["--scenario", "scenario.toml"]
        process = subprocess.Popen(
            [str(binary), *arguments],
            cwd=place,
            env=environment(place, {}),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        try:
            yield Simulated([process.stdout.readline() for _ in VARIABLES])
            process.send_signal(signal.SIGINT)
            code = process.wait(timeout=30)
            assert code in (0, 130), f"the simulator exited with {code}"
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


def check_assets(assets: list[dict[str, Any]], account: int | None) -> None:
    """Asserts that products have the form of the published answers."""
    assert assets, "no product"
    serials = {asset["serialNumber"] for asset in assets}
    assert len(serials) == len(assets), f"{len(assets)} products have {len(serials)} serials"
    for asset in assets:
        assert KEYS <= asset.keys(), f"{asset['serialNumber']} lacks {KEYS - asset.keys()}"
        assert account is None or asset["accountId"] == account, f"{asset['accountId']}, not {account}"
        for entitlement in asset["entitlements"] or []:
            assert ENTITLEMENT_KEYS <= entitlement.keys(), f"{entitlement}"


def client_hfortix(simulated: Simulated) -> FortiCare:
    """Creates a client of hfortix-forticare."""
    return FortiCare(
        api_id=simulated.username,
        password=simulated.password,
        base_url=simulated.api_url + REGISTRATION,
        auth_url=simulated.auth_url,
    )


def client_pyfortiassetmgmt(simulated: Simulated) -> Api:
    """Creates a client of pyfortiassetmgmt."""
    return Api(
        userid=simulated.username,
        password=simulated.password,
        forticloud_host=simulated.auth_host,
        fortiasset_host=simulated.api_url,
    )


def hfortix_lists_all(simulated: Simulated, accounts: list[int]) -> str:
    """Reads every product of every account, in both statuses."""
    client, counts = client_hfortix(simulated), {"Registered": 0, "Pending": 0}
    for account in accounts:
        for status in counts:
            answer = client.api.products.list.post(account_id=account, status=status)
            assert answer.status == 0 and answer.http_status_code == 200, f"{answer.raw}"
            assets = answer.raw["assets"] or []
            if assets:
                check_assets(assets, account)
            counts[status] += len(assets)
    assert sum(counts.values()) == PRODUCTS, f"{counts}, not {PRODUCTS} in all"
    said = ", ".join(f"{count} {status}" for status, count in counts.items())
    return f"{len(accounts)} accounts, products: {said}"


def hfortix_reads_attributes(simulated: Simulated, accounts: list[int]) -> str:
    """Tests the client's own objects, a search pattern, and the details of one product."""
    client = client_hfortix(simulated)
    answer = client.api.products.list.post(account_id=accounts[0], serial_number="F%")
    serials = [asset.serialNumber for asset in answer.assets]
    assert serials and all(serial.startswith("F") for serial in serials), f"{serials[:5]}"
    details = client.api.products.details.post(serial_number=serials[0])
    assert details.status == 0, f"{details.raw}"
    assert details.raw["assetDetails"]["serialNumber"] == serials[0], f"{details.raw}"
    assert details.token, "the answer does not echo the token"
    return f"{len(serials)} products under `F%`, details of {serials[0]}"


def hfortix_shares_session(simulated: Simulated, accounts: list[int]) -> str:
    """Tests the client's session, which logs in, refreshes automatically and provides tokens."""
    session = CloudSession(simulated.username, simulated.password, auth_url=simulated.auth_url)
    with session:
        first = session.get_token("assetmanagement")
        refreshed = session.refresh_token("assetmanagement")
        assert refreshed["access_token"] != first, "the refresh returned the same token"
        client = FortiCare(session=session, base_url=simulated.api_url + REGISTRATION)
        folders = client.api.folders.list.post(account_id=accounts[0])
        assert folders.status == 0 and "assetFolders" in folders.raw, f"{folders.raw}"
    return f"refreshed, {len(folders.raw['assetFolders'] or [])} folders"


def hfortix_is_refused(simulated: Simulated, _accounts: list[int]) -> str:
    """Tests a wrong password."""
    try:
        FortiCare(api_id=simulated.username, password="wrong", auth_url=simulated.auth_url)
    except Exception as error:
        # The client has no error type for this; only the text contains the status.
        assert "40" in str(error), f"{error!r}"
        return type(error).__name__
    raise AssertionError("a wrong password was accepted")


def pyfortiassetmgmt_lists_account(simulated: Simulated, accounts: list[int]) -> str:
    """Reads one account with the client's `post`, because its `all` does not support `accountId`."""
    api = client_pyfortiassetmgmt(simulated)
    body = {"serialNumber": "%", "accountId": accounts[0]}
    answer = api.products.post(endpoint="/products/list", data=body)
    assert api.access_token and api.refresh_token and api.expires_in, "the login stored no token"
    assert answer["status"] == 0 and answer["error"] is None, f"{str(answer)[:300]}"
    check_assets(answer["assets"], accounts[0])
    return f"{len(answer['assets'])} products of account {accounts[0]}"


def pyfortiassetmgmt_needs_account(simulated: Simulated, _accounts: list[int]) -> str:
    """Tests that `all` is refused for a user of an organization, as in the real service."""
    answer = client_pyfortiassetmgmt(simulated).products.all(serialNumber="%")
    assert answer["status"] == -1 and answer["assets"] is None, f"{str(answer)[:300]}"
    assert "accountId" in answer["error"]["message"], f"{answer['error']}"
    return answer["error"]["message"]


def pyfortiassetmgmt_lists_others(simulated: Simulated, accounts: list[int]) -> str:
    """Tests contracts and licenses, whose fields the clients rename."""
    api, counts = client_pyfortiassetmgmt(simulated), []
    for endpoint, name, key in (
        ("/contracts/list", "contracts", "contractNumber"),
        ("/licenses/list", "licenses", "licenseNumber"),
    ):
        answer = api.products.post(endpoint=endpoint, data={"accountId": accounts[0]})
        assert answer["status"] == 0 and name in answer, f"{str(answer)[:300]}"
        assert all(key in row for row in answer[name] or []), f"{str(answer)[:300]}"
        counts.append(f"{len(answer[name] or [])} {name}")
    return ", ".join(counts)


def hfortix_calls_everything(simulated: Simulated, accounts: list[int]) -> str:
    """Calls every endpoint, including writes. It runs last, because it changes the data."""
    return hfortix(client_hfortix(simulated), accounts[0], accounts[1])


def pyfortiassetmgmt_calls_everything(simulated: Simulated) -> str:
    """Calls every method, including writes. It runs last, because it changes the data."""
    return pyfortiassetmgmt(client_pyfortiassetmgmt(simulated))


def pyfortiassetmgmt_lists_local(simulated: Simulated) -> str:
    """Tests `all` for a user of one account, with a pattern and with the default date in the far future."""
    api = client_pyfortiassetmgmt(simulated)
    assets = api.products.all(serialNumber="%")["assets"]
    check_assets(assets, None)
    by_date = api.products.all()["assets"]
    with_end = {
        asset["serialNumber"]
        for asset in assets
        if any(entitlement["endDate"] for entitlement in asset["entitlements"] or [])
    }
    assert {asset["serialNumber"] for asset in by_date} == with_end, f"{len(by_date)} by date"
    serial = assets[0]["serialNumber"]
    details = api.products.details(serialNumber=serial)["assetDetails"]
    assert details["serialNumber"] == serial, f"{details}"
    return f"{len(assets)} products by pattern, {len(by_date)} by date"


def main() -> None:
    """Runs all checks."""
    checks, binary = Checks(), binary_from_arguments()
    # Starting and ending the simulator is a check of its own.
    with checks.check("simulate: starts, serves and ends"), simulate(binary) as simulated:
        accounts = simulated.accounts()
        assert len(accounts) == ACCOUNTS, f"{len(accounts)} accounts"
        for ask in (
            hfortix_lists_all,
            hfortix_reads_attributes,
            hfortix_shares_session,
            hfortix_is_refused,
            pyfortiassetmgmt_lists_account,
            pyfortiassetmgmt_needs_account,
            pyfortiassetmgmt_lists_others,
            hfortix_calls_everything,
        ):
            with checks.check(ask.__name__.replace("_", " ", 1).replace("_", " ")):
                print(f"      {ask(simulated, accounts)}")
    with checks.check("simulate, local scope: starts, serves and ends"):
        with simulate(binary, LOCAL_SCENARIO) as simulated:
            for ask_local in (pyfortiassetmgmt_lists_local, pyfortiassetmgmt_calls_everything):
                with checks.check(ask_local.__name__.replace("_", " ")):
                    print(f"      {ask_local(simulated)}")
    checks.finish()


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    main()
