"""Bytes of a page to text: which charset they are in, by signs, declarations and, last, by their looks."""

import re
from collections.abc import Iterator

import webencodings
from chardetng_py import EncodingDetector

PRESCAN = 4096
"""Bytes searched for a declaration. The HTML standard advises 1,024; pages with long comments or scripts need more."""

DETECT = 1 << 20
"""Bytes that the detector reads: it manages about 9 MB a second, and its mind is made up long before."""

NATIONAL = {
    "cz": ("áčďéěíňóřšťúůýž", "windows-1250", "iso-8859-2"),
    "ee": ("äõöüšž", "windows-1257", "windows-1252", "iso-8859-15"),
    "hr": ("čćđšž", "windows-1250", "iso-8859-2"),
    "hu": ("áéíóöőúüű", "windows-1250", "iso-8859-2"),
    "lt": ("ąčęėįšųūž", "windows-1257", "iso-8859-13"),
    "lv": ("āčēģīķļņšūž", "windows-1257", "iso-8859-13"),
    "mt": ("ċġħżàèìòù", "iso-8859-3"),
    "pl": ("ąćęłńóśźż", "windows-1250", "iso-8859-2"),
    "ro": ("ăâîşţ", "windows-1250", "iso-8859-2"),
    "si": ("čšž", "windows-1250", "iso-8859-2"),
    "sk": ("áäčďéíĺľňóôŕšťúýž", "windows-1250", "iso-8859-2"),
}
"""Top-level domain -> the letters of its language beyond ASCII, and the charsets before Unicode that have them."""
ALIKE = 0.98
"""Share of the letters beyond ASCII that must be the country's before its charset goes before the guess.

What is in another language loses where it is short and has, by chance, letters of the country alone: of pieces of 80
characters from eight languages on these domains 1 % more are read wrongly, most of them Italian in Lithuania, and 2 of
1,000 whole passages. `tests/filters/test_undeclared.py` has what it gains.
"""

DAMAGE = {"utf-8": 0.5}
DAMAGE_ELSEWHERE = 0.1
"""Largest share of characters beyond ASCII that may be unreadable before a charset counts as the wrong one.

UTF-8 is generous: other charsets read as UTF-8 break nearly everywhere, so half of it whole means UTF-8 cut or pasted
carelessly. Windows and ISO charsets break only where they have no letter, so one in ten already speaks against them.
"""


class UndecodableError(ValueError):
    """No charset reads these bytes cleanly."""


def decode(payload: bytes, declared: str | None, tld: str | None = None) -> tuple[str, str]:
    """Text of a page and the charset that gave it, by its name in the Encoding standard of the WHATWG, lower case.

    declared: charset of the HTTP header, any label of the standard; others are passed over.
    tld: last label of the host (`hu`), a hint for the guess alone: without it, Hungarian is taken for windows-1252.
    Where the guess reads letters that are not its country's (NATIONAL), and another charset of the country does not,
    that one is taken: chardetng prefers windows-1250 where a short text could be either, and knows no iso-8859-3.
    Order: byte order mark, or `<` in UTF-16; UTF-16 declared by HTTP; UTF-8; declared by HTTP; declared by meta or XML
    prolog (prescan of the HTML standard, 13.2.3.2); chardetng's guess. The first that reads the payload is taken.
    A charset reads the payload if it does so without error, or if the unreadable share stays within DAMAGE; what is
    unreadable becomes U+FFFD. So does NUL, as in the tokenizer of the standard. No lone surrogate is let through.
    UTF-8 stands before what is declared: text in another charset is hardly ever valid UTF-8, and servers err often.
    Raises UndecodableError when not even the guess reads it.
    """
    for name in _candidates(payload, declared, tld):
        text = _read(payload, name)
        if text is not None:
            return text.removeprefix("\ufeff").replace("\0", "\ufffd"), name
    raise UndecodableError(f"{len(payload)} bytes in no charset")


def recode(payload: bytes, declared: str | None, tld: str | None = None) -> tuple[bytes, str]:
    """As decode, but in UTF-8, which most pages are: those are neither read nor copied."""
    if b"\0" not in payload and not payload.startswith(UTF_8_MARK) and _is_utf8(payload):
        return payload, "utf-8"
    text, name = decode(payload, declared, tld)
    return text.encode(), name


def _is_utf8(payload: bytes) -> bool:
    try:
        return payload.isascii() or bool(payload.decode())
    except UnicodeDecodeError:
        return False


def _candidates(payload: bytes, declared: str | None, tld: str | None) -> Iterator[str]:
    sign = _sign(payload)
    if sign:
        yield sign
    http = _name(declared and declared.strip(" '\""))
    # Markup in UTF-16 is full of NUL. Without any, the header lies, and nearly all bytes would read as rare ideographs.
    if http in UTF_16 and b"\0" in payload[:PRESCAN]:
        yield http
    yield "utf-8"
    for name in (http, meta_charset(payload)):
        if name and name not in UTF_16:
            yield name
    detector = EncodingDetector()
    detector.feed(payload[:DETECT], last=True)
    hint = tld.encode() if tld and TLD.fullmatch(tld) else None
    guess = _name(detector.guess(tld=hint, allow_utf8=False))
    if guess and tld in NATIONAL:
        yield _national(payload[:DETECT], guess, *NATIONAL[tld])
    if guess:
        yield guess


def _national(start: bytes, guess: str, letters: str, *charsets: str) -> str:
    """The guess, or the charset of the country that reads these letters alone where the guess reads others."""
    best, share = guess, _share(start, guess, letters)
    for name in charsets:
        if (other := _share(start, name, letters)) > max(share, ALIKE):
            best, share = name, other
    return best


def _share(start: bytes, name: str, letters: str) -> float:
    """The share of these letters among the letters beyond ASCII; controls of C1 and unreadable bytes are none of them.

    A sign that stands between two letters is taken for a letter.
    """
    text = webencodings.lookup(name).codec_info.decode(start, "replace")[0].lower()
    found = BEYOND_ASCII.findall(text)
    return sum(one in letters for one in found) / len(found) if found else 0.0


def _read(payload: bytes, name: str) -> str | None:
    codec = webencodings.lookup(name).codec_info
    try:
        text: str = codec.decode(payload, "strict")[0]
        return text
    except UnicodeDecodeError:
        text = codec.decode(payload, "replace")[0]
    honest = payload.count(b"\xef\xbf\xbd") if name == "utf-8" else 0
    broken = text.count("\ufffd") - honest
    beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
    return text if broken <= DAMAGE.get(name, DAMAGE_ELSEWHERE) * beyond_ascii else None


BEYOND_ASCII = re.compile(r"[^\W\d_\0-\x7f]|[\x80-\x9f\ufffd]|(?<=[^\W\d_])[^\w\s\0-\x7f\u2010-\u201f](?=[^\W\d_])")
TLD = re.compile(r"[a-z][a-z0-9-]*")
"""What the detector takes as a hint; anything else would make it panic."""

UTF_16 = ("utf-16le", "utf-16be")
UTF_8_MARK = b"\xef\xbb\xbf"
SIGNS = {UTF_8_MARK: "utf-8", b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be"}
MARKUP_IN_UTF_16 = ((re.compile(rb"<\0[^\0]\0"), "utf-16le"), (re.compile(rb"\0<\0[^\0]"), "utf-16be"))


def _sign(payload: bytes) -> str | None:
    for mark, name in SIGNS.items():
        if payload.startswith(mark):
            return name
    return next((name for pattern, name in MARKUP_IN_UTF_16 if pattern.match(payload)), None)


def _name(label: str | None) -> str | None:
    """The standard's name of a label: iso-8859-1 is windows-1252. None for unknown labels and those it forbids."""
    found = webencodings.lookup(label) if label and label.isascii() else None
    return found.name if found and found.name not in ("replacement", "x-user-defined") else None


COMMENT = re.compile(rb"<!--.*?(?<=--)>", re.S)
META = re.compile(rb"<meta(?=[\s/])", re.I)
TAG = re.compile(rb"</?[a-z][^\s>]*", re.I)
BOGUS = re.compile(rb"<[!/?][^>]*>")
ATTRIBUTE = re.compile(
    rb"[\s/]*(?P<name>[^\s/>][^\s/>=]*)(?:\s*=\s*(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'|(?P<bare>(?![\"'])[^\s>]*)))?"
)
TORN = re.compile(rb"\s*=\s*[\"']")
CONTENT = re.compile(r"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", re.I)
PROLOG = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]+)[\"'][^>]*>", re.I)


def meta_charset(payload: bytes) -> str | None:
    """The charset that the page itself declares in its first PRESCAN bytes, by its standard name; None if it does not.

    A meta element goes before an XML prolog. What declares UTF-16 in ASCII means UTF-8 (the standard's rule).
    """
    start = payload[:PRESCAN]
    name = next(_meta_charsets(start), None)
    if name is None and (prolog := PROLOG.match(start)):
        name = _label(prolog[1].decode("latin-1"))
    return name


def _meta_charsets(start: bytes) -> Iterator[str]:
    at = start.find(b"<")
    while at >= 0:
        if found := COMMENT.match(start, at):
            at = found.end()
        elif found := META.match(start, at) or TAG.match(start, at):
            at, attributes = _attributes(start, found.end())
            if found.re is META and (name := _declared_by(attributes)):
                yield name
        elif found := BOGUS.match(start, at):
            at = found.end()
        else:
            at += 1
        at = start.find(b"<", at)


def _attributes(start: bytes, at: int) -> tuple[int, dict[bytes, str]]:
    """Where a tag's attributes end, and what they are: none if the window ends before the tag."""
    attributes: dict[bytes, str] = {}
    while found := ATTRIBUTE.match(start, at):
        at = found.end()
        if TORN.match(start, at):
            return len(start), {}
        value = found["double"] or found["single"] or found["bare"] or b""
        attributes.setdefault(found["name"].lower(), value.decode("latin-1"))
    return at, attributes if at < len(start) else {}


def _declared_by(meta: dict[bytes, str]) -> str | None:
    if b"charset" in meta:
        return _label(meta[b"charset"])
    if meta.get(b"http-equiv", "").lower() != "content-type":
        return None
    found = CONTENT.search(meta.get(b"content", ""))
    return _label(next(filter(None, found.groups()), "")) if found else None


def _label(label: str) -> str | None:
    if label.strip().lower() == "x-user-defined":
        return "windows-1252"
    name = _name(label)
    return "utf-8" if name in UTF_16 else name
