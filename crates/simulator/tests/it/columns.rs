//! The expected column for each field, written independently of the code under test.

/// How a value is read.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Any,
    Integer,
    Date,
}
use Kind::{Any, Date, Integer};

/// A column, its name in the API, and how its value is read.
pub(crate) type Columns = &'static [(&'static str, &'static str, Kind)];

pub(crate) const UNIT: Columns = &[
    ("ou_id", "id", Integer),
    ("name", "name", Any),
    ("description", "desc", Any),
    ("parent_ou_id", "parentId", Integer),
    ("parent_ou_id", "parentID", Integer),
];
pub(crate) const ACCOUNT: Columns = &[
    ("account_id", "id", Integer),
    ("ou_id", "parentId", Integer),
    ("email", "email", Any),
    ("first_name", "firstName", Any),
    ("last_name", "lastName", Any),
    ("company", "company", Any),
    ("country_id", "countryId", Integer),
];
pub(crate) const PRODUCT: Columns = &[
    ("account_id", "accountId", Integer),
    ("serial_number", "serialNumber", Any),
    ("product_model", "productModel", Any),
    ("description", "description", Any),
    ("registration_date", "registrationDate", Date),
    ("is_decommissioned", "isDecommissioned", Any),
    ("status", "status", Any),
    ("folder_id", "folderId", Integer),
    ("folder_path", "folderPath", Any),
    ("product_model_eor", "productModelEoR", Date),
    ("product_model_eos", "productModelEoS", Date),
];
pub(crate) const PROGRAM: Columns = &[
    ("program_serial_number", "programSerialNumber", Any),
    ("account_id", "accountId", Integer),
    ("has_support_coverage", "hasSupportCoverage", Any),
    ("start_date", "startDate", Date),
    ("end_date", "endDate", Date),
];
pub(crate) const CONFIG: Columns = &[
    ("config_id", "id", Integer),
    ("name", "name", Any),
    ("program_serial_number", "programSerialNumber", Any),
    ("account_id", "accountId", Integer),
    ("status", "status", Any),
    ("product_type_id", "productType.id", Integer),
    ("product_type_name", "productType.name", Any),
    ("parameters", "parameters", Any),
];
pub(crate) const FLEX_ENTITLEMENT: Columns = &[
    ("config_id", "configId", Integer),
    ("serial_number", "serialNumber", Any),
    ("account_id", "accountId", Integer),
    ("description", "description", Any),
    ("start_date", "startDate", Date),
    ("end_date", "endDate", Date),
    ("status", "status", Any),
    ("token_status", "tokenStatus", Any),
];
pub(crate) const ENTITLEMENT: Columns = &[
    ("level", "level", Integer),
    ("level_desc", "levelDesc", Any),
    ("type", "type", Integer),
    ("type_desc", "typeDesc", Any),
    ("start_date", "startDate", Date),
    ("end_date", "endDate", Date),
    ("units", "units", Integer),
];
pub(crate) const CONTRACT: Columns = &[
    ("contract_number", "contractNumber", Any),
    ("sku", "sku", Any),
];
pub(crate) const TERM: Columns = &[
    ("start_date", "startDate", Date),
    ("end_date", "endDate", Date),
    ("support_type", "supportType", Any),
];
pub(crate) const GROUP: Columns = &[
    ("asset_group_id", "assetGroupId", Integer),
    ("asset_group", "assetGroup", Any),
];
pub(crate) const FOLDER: Columns = &[
    ("folder_id", "folderId", Integer),
    ("folder_name", "folderName", Any),
    ("parent_folder_id", "parentFolderId", Integer),
    ("folder_path", "folderPath", Any),
    ("asset_count", "assetCount", Integer),
];
pub(crate) const LICENSE: Columns = &[
    ("license_number", "licenseNumber", Any),
    ("sku", "licenseSKU", Any),
    ("serial_number", "serialNumber", Any),
    ("status", "status", Any),
    ("description", "description", Any),
    ("start_date", "startDate", Date),
    ("end_date", "endDate", Date),
];
pub(crate) const LISTED: Columns = &[
    ("contract_number", "contractNumber", Any),
    ("sku", "contractSKU", Any),
    ("status", "status", Any),
    ("start_date", "startDate", Date),
    ("end_date", "endDate", Date),
];
pub(crate) const DETAILS: Columns = &[
    ("account_id", "accountId", Integer),
    ("serial_number", "serialNumber", Any),
    ("product_model", "productModel", Any),
    ("description", "description", Any),
    ("registration_date", "registrationDate", Date),
    ("is_decommissioned", "isDecommissioned", Any),
    ("folder_id", "folderId", Integer),
    ("folder_path", "folderPath", Any),
    ("product_model_eor", "productModelEoR", Date),
    ("product_model_eos", "productModelEoS", Date),
    ("partner", "partner", Any),
    ("warranty_type_name", "warrantyTypeName", Any),
];
pub(crate) const LOCATION: Columns = &[
    ("address_id", "addressId", Any),
    ("company", "company", Any),
    ("address", "address", Any),
    ("city", "city", Any),
    ("state_or_province", "stateOrProvince", Any),
    ("country_code", "countryCode", Any),
    ("postal_code", "postalCode", Any),
    ("email", "email", Any),
    ("phone", "phone", Any),
    ("fax", "fax", Any),
];
pub(crate) const DETAILED_LICENSE: Columns = &[
    ("license_number", "licenseNumber", Any),
    ("sku", "licenseSKU", Any),
    ("license_type", "licenseType", Any),
    ("license_serial_number", "serialNumber", Any),
    ("expiration_date", "experationDate", Date),
    ("expiration_date", "experiationDate", Date),
];
pub(crate) const ORGANIZATION: Columns = &[
    ("organization_id", "id", Any),
    ("name", "name", Any),
    ("device_count", "device_count", Any),
    ("site_count", "site_count", Any),
    ("adom_version_num", "adom_version_num", Any),
    ("reports_assigned", "reports.assigned", Any),
    ("reports_total", "reports.total", Any),
    ("status", "status", Any),
];
pub(crate) const SITE: Columns = &[
    ("site_id", "id", Any),
    ("organization_id", "customer", Any),
    ("name", "name", Any),
    ("contact_name", "contactName", Any),
    ("email", "email", Any),
    ("phone", "phone", Any),
    ("sandbox", "sandbox", Any),
    ("user", "user", Any),
];
pub(crate) const VDOM: Columns = &[
    ("site_id", "site", Any),
    ("vdom_id", "id", Any),
    ("name", "name", Any),
    ("serial_number", "sn", Any),
    ("platform", "platform", Any),
    ("version", "version", Any),
    ("status", "status", Any),
    ("devid", "devid", Any),
    ("fortigate_name", "fortigate_name", Any),
    ("alias", "alias", Any),
    ("device_oid", "device_oid", Any),
    ("vdom_oid", "vdom_oid", Any),
    ("device_ha", "device_ha", Any),
    ("device_ha_info", "device_ha_info", Any),
    ("latitude", "latitude", Any),
    ("longitude", "longitude", Any),
    ("organization_id", "organization.id", Any),
    ("organization_name", "organization.name", Any),
    ("policypackage", "policypackage", Any),
    ("fortianalyzer", "fortianalyzer", Any),
    ("fortimanager_id", "fortimanager.id", Any),
    ("fortimanager_name", "fortimanager.name", Any),
    ("fortimanager_host", "fortimanager.host", Any),
    ("fortimanager_port", "fortimanager.port", Any),
    ("fortimanager_xml_port", "fortimanager.xmlPort", Any),
    ("fortimanager_serial_number", "fortimanager.sn", Any),
    ("fortimanager_version", "fortimanager.version", Any),
    (
        "fortimanager_numeric_version",
        "fortimanager.numericVersion",
        Any,
    ),
    ("fortimanager_username", "fortimanager.username", Any),
    ("fortimanager_status", "fortimanager.status", Any),
    ("fortimanager_ha", "fortimanager.ha", Any),
    ("fortimanager_polling", "fortimanager.polling", Any),
    (
        "fortimanager_last_poll_time",
        "fortimanager.last_poll_time",
        Date,
    ),
    ("adom_id", "adom.id", Any),
    ("adom_name", "adom.name", Any),
    ("adom_oid", "adom.oid", Any),
    ("adom_version", "adom.version", Any),
    ("adom_flags", "adom.flags", Any),
    ("adom_customer", "adom.customer", Any),
    ("adom_fortimanager", "adom.fortimanager", Any),
];
pub(crate) const COUNTERS: Columns = &[
    ("total_ftm", "total_ftm", Any),
    ("used_ftm", "used_ftm", Any),
    ("available_ftm", "available_ftm", Any),
];
/// Objects whose members are columns of the containing row.
pub(crate) const FLATTENED: [&str; 5] = [
    "organization",
    "fortimanager",
    "adom",
    "reports",
    "productType",
];
/// Fields that must never be stored.
pub(crate) const SECRETS: [&str; 4] = ["registrationCode", "licenseFile", "licenseKeys", "token"];
pub(crate) const NESTED: [&str; 8] = [
    "entitlements",
    "warrantySupports",
    "assetGroups",
    "contracts",
    "terms",
    "location",
    "license",
    "licenses",
];

pub(crate) const TOKEN: Columns = &[
    ("serial", "serial", Any),
    ("type", "type", Any),
    ("status", "status", Any),
    ("locked", "locked", Any),
    ("license", "license", Any),
    ("last_used_at", "last_used_at", Date),
    ("id", "id", Integer),
    ("resource_uri", "resource_uri", Any),
];
