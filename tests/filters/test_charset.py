"""Pages of twelve languages come back letter by letter, however they say their charset, or do not."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters.charset import PRESCAN, UndecodableError, decode, meta_charset, recode

TEXTS = {
    "deu": "Über den Dächern der Stadt läuteten die Glocken, und größere Vögel zogen nach Süden. Die Brücke "
    "führte über einen trägen Fluß, dessen Ufer von Weiden gesäumt waren.",
    "fra": "L’été dernier, les élèves ont découvert une forêt très ancienne où les chênes étaient plus âgés que "
    "le village. Ça leur a plu, même à ceux qui préféraient la plage.",
    "isl": "Þegar vorið kom fóru börnin niður að ánni og horfðu á ísinn brotna. Það var æði kalt, en sólin skein "
    "á fjöllin.",
    "pol": "Wczesną wiosną żółte kaczeńce kwitną nad łąkami, a bociany wracają do gniazd. Chłopcy źle spali, "
    "gdyż całą noc wiał porywisty wiatr i dął w szczeliny okien.",
    "ces": "Příští týden přijede do města kočovné divadlo a zahraje tři veselohry. Děti už netrpělivě počítají "
    "dny a učitelé s úsměvem přihlížejí, jak žáci kreslí plakáty.",
    "hun": "A régi könyvtár fűtetlen termeiben őszi esték hűvöse ült, de az olvasók türelmesen lapozgattak. "
    "Később megérkezett a könyvtáros, és új fát tett a tűzre.",
    "lit": "Rudenį žąsys išskrenda į pietus, o ūkininkai baigia nuimti derlių. Šalnos ateina anksčiau, negu "
    "žmonės tikėjosi, ir ežerų pakrantės pasidengia plonu ledu.",
    "lav": "Agrā rītā zvejnieki devās jūrā, lai gan vējš bija stiprs un viļņi augsti. Krastā palikušie ļaudis "
    "gaidīja, līdz laivas atgriezīsies ar pilniem tīkliem šķīvju un ķīseļa svētkiem.",
    "ell": "Το παλιό λιμάνι ήταν γεμάτο βάρκες και οι ψαράδες διηγούνταν ιστορίες για μακρινά ταξίδια. Όταν "
    "έπεφτε η νύχτα, άναβαν φώτα και άκουγαν τη θάλασσα.",
    "rus": "Ранним утром над рекой поднимался туман, и рыбаки молча готовили лодки. Потом взошло солнце, и вся "
    "деревня проснулась от крика петухов и скрипа колодца.",
    "ukr": "Щоранку її бабуся годувала голубів біля криниці, а ґава сиділа на паркані й чекала своєї черги. Діти "
    "їхали до школи повз поле й співали.",
    "tur": "Sabahın erken saatlerinde balıkçılar ağlarını topladı ve şehrin üstünde güneş yavaşça yükseldi. "
    "Çocuklar iğde ağacının gölgesinde oyun oynuyordu.",
    "mlt": "Il-ħut frisk jinbiegħ kmieni filgħodu ħdejn il-port, u ż-żgħażagħ jgħinu lil missirijiethom iġorru "
    "l-kaxxi.",
}

CHARSETS = {
    "deu": ("windows-1252", "utf-8", "utf-16le", "utf-16be"),
    "fra": ("windows-1252", "utf-8"),
    "isl": ("windows-1252", "utf-8"),
    "pol": ("iso-8859-2", "windows-1250", "utf-8"),
    "ces": ("iso-8859-2", "windows-1250", "utf-8"),
    "hun": ("iso-8859-2", "windows-1250", "utf-8"),
    "lit": ("windows-1257", "iso-8859-13", "utf-8"),
    "lav": ("windows-1257", "iso-8859-13", "utf-8"),
    "ell": ("windows-1253", "iso-8859-7", "utf-8"),
    "rus": ("windows-1251", "koi8-r", "iso-8859-5", "ibm866", "utf-8", "utf-16le"),
    "ukr": ("windows-1251", "koi8-u", "utf-8"),
    "tur": ("windows-1254", "utf-8"),
    "mlt": ("iso-8859-3", "utf-8"),
}

DOMAINS = {"hun": "hu", "mlt": "mt"}
"""Without the hint, Hungarian passes for windows-1252, with õ and û for ő and ű; and the detector knows no Maltese."""

PAIRS = [(language, charset) for language, charsets in CHARSETS.items() for charset in charsets]


def letters(language: str, charset: str) -> str:
    """The text, without the typographic marks that the charset does not have."""
    text = TEXTS[language]
    return text if charset.startswith(("utf", "windows")) else text.replace("’", "'")


def page(language: str, charset: str, head: str = "") -> tuple[str, bytes]:
    text = f"<!doctype html><head>{head}<title>1</title></head><body><p>{letters(language, charset)}</p></body>"
    return text, text.encode(charset)


@pytest.mark.parametrize(("language", "charset"), PAIRS)
def test_declared_by_http(language: str, charset: str) -> None:
    text, payload = page(language, charset)
    assert decode(payload, charset.upper()) == (text, charset)


@pytest.mark.parametrize(("language", "charset"), [pair for pair in PAIRS if "utf-16" not in pair[1]])
def test_declared_by_meta_alone(language: str, charset: str) -> None:
    for head in (
        f"<meta charset={charset}>",
        f'<META content="text/html; charset={charset}" http-equiv=Content-Type />',
    ):
        text, payload = page(language, charset, head)
        assert decode(payload, None) == (text, charset)
        assert decode(payload, "no-such-charset") == (text, charset)


@pytest.mark.parametrize(("language", "charset"), PAIRS)
def test_not_declared(language: str, charset: str) -> None:
    """Every letter comes back; the name may be that of a charset in which the text has the same bytes."""
    text, payload = page(language, charset)
    assert decode(payload, None, DOMAINS.get(language))[0] == text


@pytest.mark.parametrize(("language", "charset"), [pair for pair in PAIRS if "utf" in pair[1]])
def test_byte_order_mark_beats_all(language: str, charset: str) -> None:
    text, _ = page(language, charset, "<meta charset=windows-1251>")
    assert decode(f"\ufeff{text}".encode(charset), "koi8-r") == (text, charset)


def test_utf8_beats_a_wrong_header_and_the_header_beats_meta() -> None:
    text, payload = page("pol", "utf-8")
    assert decode(payload, "iso-8859-1") == (text, "utf-8")
    text, payload = page("pol", "iso-8859-2", "<meta charset=windows-1252>")
    assert decode(payload, "latin2") == (text, "iso-8859-2")
    text, payload = page("ell", "utf-8")
    assert decode(payload, "utf-16") == (text, "utf-8")


def test_a_broken_character_does_not_cost_the_page() -> None:
    """UTF-8 cut in the middle of a letter stays UTF-8; what cannot be read is U+FFFD, once a letter."""
    text, payload = page("ces", "utf-8")
    torn, broken = payload.replace("Děti".encode(), b"D\xc4ti"), text.replace("Děti", "D\ufffdti")
    for declared in (None, "utf-8", "iso-8859-1"):
        assert decode(torn, declared) == (broken, "utf-8")
    text, payload = page("deu", "windows-1252")
    assert decode(payload + b"\x81", "iso-8859-1") == (text + "\ufffd", "windows-1252")


def test_a_false_declaration_is_not_believed() -> None:
    text, payload = page("rus", "windows-1251", "<meta charset=utf-8>")
    assert decode(payload, "utf-8") == (text, "windows-1251")


def test_nul_and_honest_replacement_characters() -> None:
    assert decode(b"a\0b", None) == ("a\ufffdb", "utf-8")
    assert decode("a\ufffd\ufffdb".encode() + b"\xc3\xa9", None) == ("a\ufffd\ufffdb\u00e9", "utf-8")
    assert decode(b"", None) == ("", "utf-8")


def test_what_nothing_reads_is_refused() -> None:
    """Most random bytes pass for some charset; where even the guess breaks often, there is no text."""
    payload = bytes(range(256))[::7] * 3 + b"\x81\x8d\x8f\x90\x9d" * 3
    with pytest.raises(UndecodableError):
        decode(payload, None)


@pytest.mark.parametrize("tld", ["", "HU", "h.u", "\ud800", "ελ", "-", "xn--qxam", "com"])
def test_no_domain_is_a_danger(tld: str) -> None:
    assert decode("é".encode("windows-1252"), None, tld) == ("é", "windows-1252")


DECLARATIONS = {
    b"<meta charset='l2'>": "iso-8859-2",
    b"<!-- <meta charset=l2> --><meta charset=l5>": "windows-1254",
    b"<p title='<meta charset=l2>'><meta charset=koi8-u>": "koi8-u",
    b'<meta name=x content="text/html; charset=l2">': None,
    b"<meta http-equiv=content-type content=\"charset x; charset = 'l2'\">": "iso-8859-2",
    b"<meta charset=unknown><meta charset=latin3>": "iso-8859-3",
    b"<meta charset=utf-16>": "utf-8",
    b"<meta charset=iso-2022-kr>": None,
    b"<meta charset=x-user-defined>": "windows-1252",
    b"<metacharset=l2>": None,
    b"<meta charset='l2>": None,
    b'<?xml version="1.0" encoding="ISO-8859-1"?><html>': "windows-1252",
    b"<?xml version='1.0' encoding='l2'?><meta charset=l5>": "windows-1254",
    b"x" * (PRESCAN - 20) + b"<meta charset=l2>": "iso-8859-2",
    b"x" * PRESCAN + b"<meta charset=l2>": None,
    b"": None,
}


@pytest.mark.parametrize("start", DECLARATIONS, ids=lambda start: start[-40:].decode())
def test_declarations_in_the_page(start: bytes) -> None:
    assert meta_charset(start) == DECLARATIONS[start]


@given(
    st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-16")),
    st.none() | st.sampled_from(["utf-8", "utf-16", "l2", "gb18030", "replacement", "é", ""]) | st.text(max_size=9),
)
def test_any_bytes_give_clean_text_or_one_error(payload: bytes, declared: str | None) -> None:
    """Text without NUL and without lone surrogates, and the name of a charset that Python knows."""
    try:
        text, charset = decode(payload, declared)
    except UndecodableError:
        return
    assert "\0" not in text
    assert text.encode("utf-8").decode("utf-8") == text
    assert charset == charset.lower()
    assert charset.startswith("x-") or codecs.lookup(charset.replace("-8-i", "-8"))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=200))
def test_utf8_is_read_as_utf8(text: str) -> None:
    for declared in (None, "utf-8", "windows-1252"):
        assert decode(text.encode(), declared) == (text, "utf-8")


MARKS = st.sampled_from([b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, b"<\0p\0", b"\0", "č".encode()])


@given(
    mark=MARKS,
    payload=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass")),
    declared=st.sampled_from([None, "utf-16", "windows-1250", "utf-8"]),
)
def test_recoding_is_decoding(mark: bytes, payload: bytes, declared: str | None) -> None:
    try:
        text, charset = decode(mark + payload, declared)
    except UndecodableError:
        with pytest.raises(UndecodableError):
            recode(mark + payload, declared)
    else:
        assert recode(mark + payload, declared) == (text.encode(), charset)
