"""PDF files as printers make them, small and by hand: pages of lines at places, with metadata."""

import zlib
from collections.abc import Mapping, Sequence

Place = tuple[float, float, float, str]
"""Left, bottom (points, from the lower left corner), size of the letters, text in Windows-1252."""

XMP = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
 xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"
 xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:tdm="http://www.w3.org/ns/tdmrep/">
<rdf:Description rdf:about="" tdm:reservation="1" tdm:policy="https://a.example/policy.json">
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Über Flüsse</rdf:li></rdf:Alt></dc:title>
<dc:creator><rdf:Seq><rdf:li>A. Nobody</rdf:li><rdf:li>B. Noone</rdf:li></rdf:Seq></dc:creator>
<dc:date><rdf:Seq><rdf:li>2030-04-05</rdf:li></rdf:Seq></dc:date>
<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) 2030 Nobody</rdf:li></rdf:Alt></dc:rights>
<xmpRights:WebStatement>https://creativecommons.org/licenses/by-sa/4.0/</xmpRights:WebStatement>
</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>"""


def pdf(
    pages: Sequence[Sequence[Place]], info: Mapping[str, str] | None = None, xmp: bytes = b"", packing: str = ""
) -> bytes:
    """A PDF 1.4 file. info: entries of its information dictionary. packing: the entry /Filter of the XMP packet."""
    fonts = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    entries = "".join(f"/{name}({value})" for name, value in (info or {}).items())
    first = 6
    kids = " ".join(f"{first + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Lang(de)/Metadata 5 0 R>>" if xmp else b"<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Kids[{kids}]/Count {len(pages)}>>".encode(),
        fonts,
        f"<<{entries}>>".encode(),
        b"<</Type/Metadata/Subtype/XML%s/Length %d>>\nstream\n%s\nendstream" % (packing.encode(), len(xmp), xmp),
    ]
    for number, page in enumerate(pages):
        content = b"BT " + b"".join(_shown(*place) for place in page) + b"ET"
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>/Contents %d 0 R>>"
            % (first + 2 * number + 1)
        )
        objects.append(b"<</Length %d>>\nstream\n%s\nendstream" % (len(content), content))
    return _file(objects)


def forms(depth: int, times: int, letters: str = "abc", apart: bool = False, packed: bool = False) -> bytes:
    """A PDF of a page and forms, each of which draws the next so many times, the last one letters.

    apart: resources stand in objects of their own. packed: contents are deflated.
    """
    first = 8

    def form(content: bytes, names: bytes) -> bytes:
        data = zlib.compress(content) if packed else content
        filters = b"/Filter/FlateDecode" if packed else b""
        return b"<</Type/XObject/Subtype/Form/BBox[0 0 595 842]/Resources%s%s/Length %d>>\nstream\n%s\nendstream" % (
            names, filters, len(data), data,
        )  # fmt: skip

    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[6 0 R]/Count 1>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<<>>",
        b"<</Font<</F 3 0 R>>>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</XObject<</X %d 0 R>>>>/Contents 7 0 R>>" % first,
        b"<</Length 5>>\nstream\n/X Do\nendstream",
    ]
    for number in range(depth):
        at = first + number
        inner = b"<</XObject<</X %d 0 R>>>>" % (at + 1)
        if number == depth - 1:
            objects.append(form(b"BT /F 9 Tf 1 0 0 1 50 700 Tm (%s) Tj ET" % letters.encode(), b" 5 0 R"))
        else:
            objects.append(form(b"/X Do " * times, b" %d 0 R" % (first + depth + number) if apart else inner))
    objects += [b"<</XObject<</X %d 0 R>>>>" % (first + number + 1) for number in range(depth if apart else 0)]
    return _file(objects)


def _shown(left: float, bottom: float, size: float, text: str) -> bytes:
    letters = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").encode("cp1252")
    return b"/F %g Tf 1 0 0 1 %g %g Tm (%s) Tj\n" % (size, left, bottom, letters)


def _file(objects: Sequence[bytes]) -> bytes:
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table)
    return data + head + b"trailer\n<</Size %d/Root 1 0 R/Info 4 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1, len(data),
    )  # fmt: skip
