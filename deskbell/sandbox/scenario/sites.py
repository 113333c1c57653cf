"""Customers, machines and streets. All of them invented."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Site:
    customer: str
    name: str
    address: str
    phone: str
    machine: str
    lat: float
    lng: float


ALDER = Site(
    "Alder Dairy",
    "Alder Dairy, filling hall",
    "Molkereiweg 4, Potsdam",
    "+49 331 5550 11",
    "Kestrel GX 37",
    52.391,
    13.064,
)
BRANDT = Site(
    "Brandt Steel",
    "Brandt Steel, rolling mill",
    "Walzwerkstr. 18, Hennigsdorf",
    "+49 3302 5550 12",
    "Kestrel GX 160 VS",
    52.634,
    13.203,
)
COLORA = Site(
    "Colora Print",
    "Colora Print, press room 2",
    "Druckergasse 7, Berlin",
    "+49 30 5550 213",
    "Norvik S 22",
    52.520,
    13.387,
)
DELTA = Site(
    "Delta Foods",
    "Delta Foods, cold store",
    "Hafenstr. 91, Berlin",
    "+49 30 5550 214",
    "Norvik OF 55 oil-free",
    52.537,
    13.343,
)
EBER = Site(
    "Eber Brewery",
    "Eber Brewery, bottling",
    "Am Sudhaus 1, Berlin",
    "+49 30 5550 215",
    "Kestrel GX 55",
    52.489,
    13.395,
)
FALKEN = Site(
    "Falkensee Clinic",
    "Falkensee Clinic, medical air",
    "Klinikallee 3, Falkensee",
    "+49 3322 5550 16",
    "Medair Duo 11",
    52.560,
    13.092,
)
GLASER = Site(
    "Glaser Auto Body",
    "Glaser Auto Body, paint shop",
    "Lackierweg 22, Teltow",
    "+49 3328 5550 17",
    "Norvik S 11",
    52.403,
    13.271,
)
HOLZ = Site(
    "Holz & Span",
    "Holz & Span, saw line",
    "Sägewerk 5, Königs Wusterhausen",
    "+49 3375 5550 18",
    "Kestrel GX 30",
    52.300,
    13.630,
)
IMMO = Site(
    "Imhof Plastics",
    "Imhof Plastics, blow moulding",
    "Kunststoffring 40, Ludwigsfelde",
    "+49 3378 5550 19",
    "Pelion HP 40 bar",
    52.303,
    13.254,
)
JUTE = Site(
    "Jute Textiles",
    "Jute Textiles, air-jet looms",
    "Weberstr. 12, Bernau",
    "+49 3338 5550 20",
    "Kestrel GX 75",
    52.680,
    13.587,
)
KRANZ = Site(
    "Kranz Bakery",
    "Kranz Bakery, oven line",
    "Backstubenweg 9, Berlin",
    "+49 30 5550 221",
    "Norvik S 15",
    52.455,
    13.320,
)
LIMES = Site(
    "Limes Cement",
    "Limes Cement, mill 3",
    "Zementstr. 100, Rüdersdorf",
    "+49 33638 5550 22",
    "Kestrel GX 250 VS",
    52.470,
    13.780,
)
SITES = (ALDER, BRANDT, COLORA, DELTA, EBER, FALKEN, GLASER, HOLZ, IMMO, JUTE, KRANZ, LIMES)

WORK = (
    "4,000 h service",
    "Oil and separator change",
    "Dryer shows high dew point",
    "Leak survey",
    "Belt drive noisy",
    "Air-end temperature too high",
    "Pressure sensor replacement",
    "Condensate drain blocked",
    "Annual pressure vessel check",
)
MAILS = (
    ("Can you send the service report of last week?", 1),
    ("Which oil for the Norvik S 15?", 1),
    ("Compressor restarts by itself after power cut", 2),
    ("Filter kit arrived damaged", 2),
    ("Noise from the dryer fan", 2),
)
