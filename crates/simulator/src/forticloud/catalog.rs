//! Invented names, and the models that a tenant's products are made of.

/// A product model.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) name: &'static str,
    /// The beginning of its serial numbers.
    pub(crate) prefix: &'static str,
    /// The part of its SKUs that names the model.
    pub(crate) sku: &'static str,
    /// The last renewal date and the end-of-support date.
    pub(crate) milestones: Option<(&'static str, &'static str)>,
    pub(crate) kind: Kind,
}

/// The category of a model, which determines its coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Firewall,
    Access,
    Virtual,
}

const fn model(
    name: &'static str,
    prefix: &'static str,
    sku: &'static str,
    kind: Kind,
    milestones: Option<(&'static str, &'static str)>,
) -> Model {
    Model {
        name,
        prefix,
        sku,
        milestones,
        kind,
    }
}

pub(crate) const FIREWALLS: &[Model] = &[
    model("FortiGate 60F", "FGT60F", "0060F", Kind::Firewall, None),
    model("FortiGate 40F", "FGT40F", "0040F", Kind::Firewall, None),
    model("FortiGate 100F", "FG100F", "F100F", Kind::Firewall, None),
    model("FortiGate 200F", "FG200F", "F200F", Kind::Firewall, None),
    model(
        "FortiGate 90D",
        "FGT90D",
        "00090",
        Kind::Firewall,
        Some(("2022-05-08T00:00:00", "2023-05-08T00:00:00")),
    ),
    model("FortiWiFi 60F", "FWF60F", "W060F", Kind::Firewall, None),
    model("FortiWiFi 40F", "FWF40F", "W040F", Kind::Firewall, None),
    model("FortiGate VM04", "FGVM04", "FGVVM", Kind::Virtual, None),
];

pub(crate) const SWITCHES: &[Model] = &[
    model(
        "FortiSwitch 148F-FPOE",
        "S148FF",
        "S148F",
        Kind::Access,
        None,
    ),
    model(
        "FortiSwitch 124F-POE",
        "S124FP",
        "S124F",
        Kind::Access,
        None,
    ),
    model(
        "FortiSwitch 248E-POE",
        "S248EP",
        "S248E",
        Kind::Access,
        None,
    ),
    model("FortiSwitch 448E", "S448EN", "S448E", Kind::Access, None),
    model(
        "FortiSwitch 108E",
        "S108EN",
        "S108E",
        Kind::Access,
        Some(("2025-07-30T00:00:00", "2026-07-30T00:00:00")),
    ),
    model("FortiSwitch 1048E", "FS1E48", "S1E48", Kind::Access, None),
];

pub(crate) const ACCESS_POINTS: &[Model] = &[
    model("FortiAP 231F", "FP231F", "P231F", Kind::Access, None),
    model("FortiAP 431F", "FP431F", "P431F", Kind::Access, None),
    model(
        "FortiAP 221E",
        "FP221E",
        "P221E",
        Kind::Access,
        Some(("2024-10-14T00:00:00", "2025-10-14T00:00:00")),
    ),
];

pub(crate) const OTHERS: &[Model] = &[
    model("FortiManager VM", "FMG-VM", "M3004", Kind::Virtual, None),
    model("FortiAnalyzer VM", "FAZ-VM", "LV0VM", Kind::Virtual, None),
    model(
        "FortiAuthenticator VM",
        "FAC-VM",
        "AC0VM",
        Kind::Virtual,
        None,
    ),
    model("FortiWeb VM 2 CPU", "FVVM02", "VVM02", Kind::Virtual, None),
    model("FortiADC VM01", "FADV01", "ADV01", Kind::Virtual, None),
];

/// The product that `services/register` creates.
pub(crate) const SUBSCRIPTION: Model = model(
    "FortiGate VM Subscription License with UTP Bundle",
    "FGVMSL",
    "FGVUS",
    Kind::Virtual,
    None,
);

/// The product that `licenses/register` creates.
pub(crate) const LICENSED: &Model = &FIREWALLS[7];

/// Finds the model by the beginning of a serial number.
pub(crate) fn model_of(serial: &str) -> Option<&'static Model> {
    [FIREWALLS, SWITCHES, ACCESS_POINTS, OTHERS]
        .into_iter()
        .flatten()
        .chain([&SUBSCRIPTION])
        .find(|model| serial.starts_with(model.prefix))
}

/// A support type: `level`, `type`, `typeDesc`.
pub(crate) type Support = (i64, i64, &'static str);

pub(crate) const FIREWALL_SUPPORT: &[Support] = &[
    (5, 1, "Hardware"),
    (6, 2, "Firmware & General Updates"),
    (20, 11, "Enhanced Support"),
    (20, 12, "Telephone Support"),
    (6, 21, "Advanced Malware Protection"),
    (6, 22, "NGFW"),
    (6, 41, "Web & Video Filtering"),
    (6, 51, "AntiSpam"),
];

pub(crate) const ACCESS_SUPPORT: &[Support] = &[
    (5, 1, "Hardware"),
    (6, 2, "Firmware & General Updates"),
    (20, 11, "Enhanced Support"),
    (20, 12, "Telephone Support"),
];

pub(crate) const VIRTUAL_SUPPORT: &[Support] = &[
    (6, 2, "Firmware & General Updates"),
    (20, 11, "Enhanced Support"),
    (20, 113, "Number of CPUs"),
    (20, 152, "ADOMs"),
    (20, 207, "VDOMs"),
];

pub(crate) fn level_name(level: i64) -> &'static str {
    match level {
        5 => "Advanced HW",
        20 => "Premium",
        _ => "Web/Online",
    }
}

pub(crate) const UNIT_NAMES: &[&str] = &[
    "Retail Branches",
    "Managed Customers",
    "Clinics",
    "Logistics",
    "Harbor Operations",
    "Schools",
    "Energy",
    "Hospitality",
    "Research Sites",
    "Municipalities",
    "Insurance",
    "Media Houses",
    "Agriculture",
    "Museums",
    "Foundries",
    "Rail Services",
];

pub(crate) const COMPANY_FIRST: &[&str] = &[
    "Fjordmark",
    "Kestrel",
    "Harrow & Pine",
    "Polarbit",
    "Bluewater",
    "Tannenhof",
    "Cascadia",
    "Lindqvist",
    "Moravel",
    "Sundara",
    "Ostwind",
    "Palmyre",
];

/// A company's trade and legal form, and its country.
pub(crate) const COMPANY_LAST: &[(&str, i64)] = &[
    ("Retail AS", 578),
    ("Clinics Ltd", 826),
    ("Physiotherapy GmbH", 276),
    ("Distribution Inc", 840),
    ("Logistics BV", 528),
    ("Foods SAS", 250),
    ("Energy Corp", 124),
    ("Textiles SpA", 380),
    ("Systems AB", 752),
    ("Transport AG", 756),
    ("Media KK", 392),
];

pub(crate) const FIRST_NAMES: &[&str] = &[
    "Signe", "Mara", "Jonas", "Åsa", "Tomás", "Ingrid", "Yuki", "Dele", "Chloé", "Petr",
];

pub(crate) const LAST_NAMES: &[&str] = &[
    "Aas",
    "Oduya",
    "Weill",
    "Nakamura",
    "Lindqvist",
    "O'Hara",
    "Marek",
    "Duarte",
    "Sørensen",
];

pub(crate) const FOLDER_NAMES: &[&str] =
    &["Stores", "North", "South", "Lab", "Data Center", "Spare"];

/// The id of the first asset group. The others follow it without gaps.
pub(crate) const FIRST_GROUP: i64 = 41_277;

pub(crate) const GROUP_NAMES: &[&str] =
    &["POS sites", "Critical", "Guest network", "To be replaced"];

pub(crate) const PLACES: &[&str] = &[
    "Store 014 edge",
    "Floor 2, rack B",
    "Spare, shelf 3",
    "Webshop WAF",
    "Büro Köln",
    "Warehouse 7; gate \"C\"",
    "",
];

/// Returns a description that breaks careless software. Everything except trailing spaces must be
/// preserved.
pub(crate) fn hostile(index: u64) -> String {
    const TEXTS: &[&str] = &[
        "say \"hello\", 'twice'",
        "first line\nsecond line\r\nthird line",
        "東京データセンター、3階",
        "before\u{0}after",
        "",
        "=HYPERLINK(\"http://evil.example\",\"x\")",
        "+1",
        "-1+2",
        "@x",
        "\t=1+1",
        "trailing blanks   ",
        "   ",
        "back\\slash \u{1F512} \u{200F}right to left",
        "a,b;c|d\te",
        "NULL",
        "\u{7f}\u{1}\u{b}\u{85}\u{2028}",
    ];
    const LONG: usize = 4;
    let index = crate::random::at(index, TEXTS.len());
    if index == LONG {
        return "0123456789 \"quoted\", ü\n"
            .chars()
            .cycle()
            .take(69_999)
            .chain(['.'])
            .collect();
    }
    TEXTS[index].to_owned()
}
