"""Calls every method of the two published clients, as the life of a few products."""

from __future__ import annotations

import inspect
import re
from typing import Any

from hfortix_forticare import FortiCare
from pyfortiassetmgmt.core.api import Api

from clients_shape import Answer, Methods, check_declared, check_refusal, check_success, refused

# Serial numbers that no simulated product has.
SERIAL, SECOND, ACCESS_POINT, NOBODY = (
    "FGT60FZZ26000001",
    "FGT60FZZ26000002",
    "FP231FZZ26000003",
    "FGT60FZZ26009999",
)
CONTRACT, SUBSCRIPTION = "5210LD300981", "5210LD300982"
LICENSE_CODE, BAD_LICENSE_CODE = "K06V2-U795H-9PKR7-2TXNM-V8GL6B", "K06V2-U795H"
LOCATION = {
    "company": "Nordlicht Holding",
    "address": "1 Harbor Way",
    "city": "Portland",
    "stateOrProvince": "OR",
    "countryCode": "US",
    "postalCode": "97201",
    "email": "it@nordlicht.example",
    "phone": "+1 5035550100",
    "fax": "",
}
LICENSE_FILE = re.compile(r"-----BEGIN \w+ VM LICENSE-----\n.+\n-----END \w+ VM LICENSE-----\s*", re.DOTALL)
NO_DOWNLOAD = "The license download function for given product category is not supported."
ALREADY = "Product-> Product already registered, but no contract associated with request. Please check again."
KEY_REQUIRED = "Product-> FortiCloud Key is Required."
# The members of a row of a registration, whether it succeeded or not.
REGISTERED_KEYS = {
    "additionalInfo", "assetGroups", "contractNumber", "contractTerms", "contracts", "description",
    "entitlements", "folderId", "folderPath", "isDecommissioned", "location", "message", "productModel",
    "productModelEoR", "productModelEoS", "registrationDate", "serialNumber", "sku", "status",
    "warrantySupports",
}


class Hfortix:
    """Uses hfortix-forticare as a user of an organization."""

    def __init__(self, client: FortiCare, account: int, other: int) -> None:
        self.client, self.account, self.other = client, account, other
        endpoints = {
            f"{category}.{endpoint}.post"
            for category in public(client.api)
            for endpoint in public(getattr(client.api, category))
        }
        self.call = Methods(client, {f"api.{name}" for name in endpoints} | {"login", "refresh_token"})
        self.declared = 0

    def ask(self, name: str, /, **arguments: Any) -> Any:
        """Calls an endpoint that must succeed, with an answer of the form that the client declares."""
        answer = self.call(f"api.{name}.post", **arguments)
        assert answer.http_status_code == 200, f"HTTP {answer.http_status_code}"
        check_success(answer.raw)
        category, endpoint = name.split(".")
        self.declared += check_declared(getattr(getattr(self.client.api, category), endpoint), answer.raw)
        return answer

    def refuse(self, name: str, /, **arguments: Any) -> Answer:
        """Calls an endpoint that must refuse."""
        return refused(lambda: self.call(f"api.{name}.post", **arguments))

    def listed(self, serial: str, account: int | None = None) -> Any:
        """Returns the row of a product in the list of an account."""
        answer = self.ask("products.list", account_id=account or self.account, serial_number=serial)
        [row] = answer.assets
        assert row.serialNumber == serial, f"{row.serialNumber}"
        return row

    def details(self, serial: str) -> Any:
        """Returns the details of a product."""
        return self.ask("products.details", serial_number=serial).assetDetails

    def sign_in(self) -> None:
        """Tests tokens. The refreshed one is used for everything that follows."""
        first = self.call("login", force_refresh=True)
        second = self.call("refresh_token")
        assert first.keys() == second.keys() >= {"access_token", "refresh_token", "expires_in"}
        assert first["access_token"] != second["access_token"], "the refresh returned the same token"

    def register(self) -> None:
        """Registers units in one call, and tests the documented refusals."""
        unit = {"serialNumber": SERIAL, "contractNumber": CONTRACT, "description": "Dock 4"}
        unit["location"] = {"ref": "#/locations/0"}
        answer = self.ask(
            "products.register", account_id=self.account, registration_units=[unit], locations=[LOCATION]
        )
        row = answer.assets
        assert row.dict().keys() == REGISTERED_KEYS, f"{sorted(row.dict())}"
        assert (row.serialNumber, row.status, row.message) == (SERIAL, 0, ""), f"{row}"
        assert row.contractNumber == CONTRACT and len(row.contractTerms) > 0, f"{row}"
        assert self.listed(SERIAL).status == "Registered"
        assert self.details(SERIAL).location.city == LOCATION["city"]
        units = [{"serialNumber": ACCESS_POINT}, {"serialNumber": SERIAL}]
        failed = self.refuse("products.register", account_id=self.account, registration_units=units)
        check_refusal(failed, 2, 301, "Failed", {"assets": failed["assets"]})
        for row, text in zip(failed["assets"], (KEY_REQUIRED, ALREADY), strict=True):
            assert row.keys() == REGISTERED_KEYS and row["status"] == 2, f"{row}"
            assert row["message"] == text and row["folderId"] == 0, f"{row}"
        units = [{"serialNumber": ACCESS_POINT, "cloudKey": "short"}]
        invalid = self.refuse("products.register", account_id=self.account, registration_units=units)
        text = "Invalid cloud key provided for registration units[0]. "
        check_refusal(invalid, -1, 102, text, {"assets": None})
        many = [{"serialNumber": f"FGT60FZZ260001{number:02}"} for number in range(11)]
        invalid = self.refuse("products.register", account_id=self.account, registration_units=many)
        check_refusal(invalid, -1, 102, "10", {"assets": None})

    def change(self) -> None:
        """Sets, reads and deletes a description and a location."""
        self.ask("products.description", serial_number=SERIAL, description="Dock 5")
        assert self.details(SERIAL).description == "Dock 5"
        self.ask("products.location", serial_number=SERIAL, location=LOCATION | {"city": "Salem"})
        assert self.details(SERIAL).location.city == "Salem"
        for key, value in (("countryCode", "USA"), ("stateOrProvince", "Oregon"), ("phone", "5035550100")):
            wrong = self.refuse("products.location", serial_number=SERIAL, location=LOCATION | {key: value})
            check_refusal(wrong, -1, 102, key, {})
        self.ask("products.location", serial_number=SERIAL)
        assert self.details(SERIAL).location is None
        unknown = self.refuse("products.description", serial_number=NOBODY, description="")
        check_refusal(unknown, -1, 102, "serial number", {})

    def file(self) -> None:
        """Creates, fills, empties and deletes folders."""
        account = {"account_id": self.account}
        parent = self.ask("folders.create", folder_name="Interop", **account).assetFolders
        inner = {"folder_name": "Inner", "parent_folder_id": parent.folderId}
        child = self.ask("folders.create", **inner, **account).assetFolders
        assert child.parentFolderId == parent.folderId, f"{child}"
        self.ask("products.folder", folder_id=child.folderId, serial_numbers=[SERIAL])
        assert self.listed(SERIAL).folderPath.endswith("/Interop/Inner")
        for folder in (parent, child):
            full = self.refuse("folders.delete", folder_id=folder.folderId, **account)
            check_refusal(full, -1, 102, "not empty", {})
        # No folder id means the root folder.
        self.ask("products.folder", folder_id=None, serial_numbers=[SERIAL])
        assert self.listed(SERIAL).folderId == 0
        for folder in (child, parent):
            self.ask("folders.delete", folder_id=folder.folderId, **account)
        rest = {folder.folderId for folder in self.ask("folders.list", **account).assetFolders or []}
        assert not rest & {parent.folderId, child.folderId}, f"folders: {rest}"

    def license(self) -> None:
        """Registers a license and a subscription, which create products. Only one has a license file."""
        account = {"account_id": self.account}
        code = {"license_registration_code": LICENSE_CODE, "description": "Lab"}
        made = self.ask("licenses.register", **code, **account).assetDetails
        assert made.description == "Lab" and made.license.licenseNumber, f"{made}"
        number = made.license.licenseNumber
        [row] = self.ask("licenses.list", license_number=number, status="Registered", **account).licenses
        assert row.serialNumber == made.serialNumber, f"{row}"
        file = self.ask("licenses.download", serial_number=made.serialNumber)
        assert LICENSE_FILE.fullmatch(file.raw["licenseFile"]), "no license file"
        none = self.refuse("licenses.download", serial_number=SERIAL)
        check_refusal(none, -2, 301, NO_DOWNLOAD, {"licenseFile": "", "serialNumber": SERIAL})
        wrong = {"license_registration_code": BAD_LICENSE_CODE}
        invalid = self.refuse("licenses.register", **wrong, **account)
        check_refusal(invalid, -1, 102, "registration code", {"assetDetails": None})
        again = self.refuse("licenses.register", **code, **account)
        check_refusal(again, -2, 301, "already", {"assetDetails": None})
        made = self.ask("services.register", contract_number=SUBSCRIPTION, **account).assetDetails
        assert self.listed(made.serialNumber).productModel == made.productModel
        again = self.refuse("services.register", contract_number=SUBSCRIPTION, **account)
        check_refusal(again, -2, 301, "in use", {"assetDetails": None})
        [row] = self.ask("contracts.list", contract_number=CONTRACT, **account).contracts
        assert row.contractNumber == CONTRACT and row.status == "Registered", f"{row}"

    def part(self) -> None:
        """Moves products to another account, and decommissions them."""
        moved = {"serial_numbers": [SERIAL], "source_account_id": self.account}
        answer = self.ask("products.transfer", target_account_id=self.other, **moved)
        [row] = answer.assets
        assert (row.serialNumber, row.accountId) == (SERIAL, self.other), f"{row}"
        gone = self.call("api.products.list.post", account_id=self.account, serial_number=SERIAL)
        # An empty result is a success that contains an error.
        assert (gone.status, gone.raw["error"]["errorCode"], gone.assets) == (0, 301, None), f"{gone}"
        again = self.refuse("products.transfer", target_account_id=self.other, **moved)
        check_refusal(again, -1, 102, "serial number", {"assets": None})
        denied = self.refuse("products.transfer", target_account_id=1, **moved)
        check_refusal(denied, -1, 202, "Access denied", {"assets": None})
        self.ask("products.decommission", serial_numbers=[SERIAL])
        assert self.listed(SERIAL, self.other).isDecommissioned is True
        assert self.details(SERIAL).isDecommissioned is True

    def run(self) -> str:
        """Runs all steps."""
        for act in (self.sign_in, self.register, self.change, self.file, self.license, self.part):
            act()
        return f"{self.call.check_all_called()}; {self.declared} members as declared"


def hfortix(client: FortiCare, account: int, other: int) -> str:
    """Calls every endpoint of hfortix-forticare, and gets tokens in both ways."""
    return Hfortix(client, account, other).run()


def pyfortiassetmgmt(api: Api) -> str:
    """Calls every method of pyfortiassetmgmt as a user of one account."""
    names = {
        f"{category}.{name}"
        for category, kind in inspect.getmembers(type(api), inspect.isdatadescriptor)
        if not category.startswith("_")
        for name, _ in inspect.getmembers(getattr(api, category), inspect.ismethod)
        if not name.startswith("_")
    }
    # All classes inherit the same four methods. Every other method calls `post`.
    shared = {"login", "login_check", "post", "refresh_token"}
    names = {name for name in names if name.split(".")[1] not in shared}
    call = Methods(api, names | {f"products.{name}" for name in shared})

    def ask(name: str, /, **arguments: Any) -> Answer:
        return check_success(call(name, **arguments))

    sign_in(call, api)
    registered = ask("products.register", serialNumber=SERIAL)["assets"]
    assert [row["serialNumber"] for row in registered] == [SERIAL], f"{registered}"
    again = call("products.register", serialNumber=SERIAL)
    check_refusal(again, 2, 301, "Failed", {"assets": again["assets"]})
    assert again["assets"][0]["message"] == ALREADY, f"{again}"
    ask("products.register", serialNumber=SECOND, cloudKey="ABCD1234", description="Dock 6")
    ask("products.update_description", serialNumber=SERIAL, description="Dock 7")
    details = ask("products.details", serialNumber=SERIAL)["assetDetails"]
    assert details["description"] == "Dock 7", f"{details}"
    [folder] = ask("folders.create", name="Interop")["assetFolders"]
    ask("products.update_folder", serialNumbers=[SERIAL, SECOND], folderId=folder["folderId"])
    full = call("folders.delete", folderId=folder["folderId"])
    check_refusal(full, -1, 102, "not empty", {})
    ask("products.update_folder", serialNumbers=[SERIAL, SECOND], folderId=0)
    ask("folders.delete", folderId=folder["folderId"])
    folders = ask("folders.all")["assetFolders"] or []
    assert folder["folderId"] not in {row["folderId"] for row in folders}, f"{folders}"
    license_of(call, ask)
    ask("products.decommission", serialNumbers=SERIAL)
    details = ask("products.details", serialNumber=SERIAL)["assetDetails"]
    assert details["isDecommissioned"] is True, f"{details}"
    found = ask("products.all", serialNumber=SERIAL)["assets"]
    assert [row["isDecommissioned"] for row in found] == [True], f"{found}"
    return call.check_all_called()


def sign_in(call: Methods, api: Api) -> None:
    """Tests tokens: the client's refresh request is invalid and refused, so it signs in."""
    tokens = []
    for name in ("products.login_check", "products.refresh_token", "products.login"):
        call(name)
        tokens.append(api.access_token)
    assert None not in tokens and len(set(tokens)) == len(tokens), "a token is missing or was issued twice"
    answer = call("products.post", endpoint="/folders/list", data={})
    assert check_success(answer)["token"] == api.access_token, "the answer echoes another token"


def license_of(call: Methods, ask: Any) -> None:
    """Tests licenses, subscriptions and contracts."""
    code = {"licenseRegistrationCode": LICENSE_CODE, "description": "Lab"}
    made = ask("licenses.register", **code)["assetDetails"]
    number = made["license"]["licenseNumber"]
    [row] = ask("licenses.all", licenseNumber=number)["licenses"]
    assert row["serialNumber"] == made["serialNumber"], f"{row}"
    file = ask("licenses.download", serialNumber=made["serialNumber"])["licenseFile"]
    assert LICENSE_FILE.fullmatch(file), "no license file"
    none = call("licenses.download", serialNumber=SERIAL)
    check_refusal(none, -2, 301, NO_DOWNLOAD, {"licenseFile": "", "serialNumber": SERIAL})
    made = ask("services.all", contractNumber=SUBSCRIPTION, description="VM")["assetDetails"]
    assert made["description"] == "VM" and made["serialNumber"], f"{made}"
    [row] = ask("contracts.all", contractNumber=SUBSCRIPTION)["contracts"]
    assert row["status"] == "Registered", f"{row}"


def public(holder: Any) -> list[str]:
    """Returns the public attributes of an object."""
    return [name for name in vars(holder) if not name.startswith("_")]
