"""The real samples of parliaments and libraries, where they are at hand, give what the reference says of them."""

from pathlib import Path

import pytest

from florilegium.pipeline.stage import find
from florilegium.stages.read import STATED, Piece

SAMPLES = Path(__file__).resolve().parents[4] / "shared" / "data" / "public-sector"

EXPECTED = [
    (
        "parlamint_ES-CT_2015-10-26-0101.xml", "parlamint", 243, 27_471,
        ["Autoritats, senyores i senyors, bon dia i benvinguts al Parlament de Catalunya en aquesta sessió "
         "constitutiva de l'onzena legislatura."],
        ["Us convido a cantar l'himne nacional de Catalunya.", "Aixequem la sessió."],
        ["\nEl decret diu així: «Realitzades les eleccions al Parlament de Catalunya el passat dia 27 de setembre "],
        ["La sessió s'obre a les onze", "El lletrat major ("],
        {"declared_language": "ca", "published": "2015-10-26", "declared_licence": "CC-BY-4.0",
         "official_id": "handle:11356/1859#ParlaMint-ES-CT_2015-10-26-0101"},
    ),
    (
        "alto_bnf_v2.xml", "alto", 116, 14_369, ["SOIDrIAIRB"], [],
        ["Chronique. SÉRAPHIN. Correspondance céleste. A. SILVESTRE.",
         "Mais l'année ! — car c'est de Sa Disgracieuseté 1887 que je vous parle, — l'année laisse écouler "
         "mécaniquement"],
        ["Ã©"],
        {"declared_language": "fr", "official_id": "ark:/12148/bpt6k75043976/f1", "hyphens_joined": "60",
         "encoding_overridden": "utf-8", "engine": "ABBYY FineReader Engine 11", "confidence": "0.97"},
    ),
    (
        "alto_PPN750717092.xml", "alto", 13, 2_301, ["Übertrag... Jk 5 125.—"], [],
        ["5) Galerie in einem Nebenraume „ 600.— 6) Einrichtung elektrischer Beleuchtung ,, 1 200.—",
         "Ventilationsschachtes, des Windfanges", "Freilegung der Balkenlage"],
        ["1896. Dezember"],
        {"declared_language": "de", "hyphens_joined": "4", "confidence": "0.79"},
    ),
    (
        "alto_v3_PPN720183197.xml", "alto", 12, 408,
        ["2 Albert Schütt, Verlag, Dresden-A. 16, Zöllnerpl.7.", "„Bunte Blätter“ Gedichte", "von",
         "Dr. Guſtav Krüger."],
        ["Stille Gedanken eines Deutſchen", "Geheftet M 2.--. Gebunden M 2.80."],
        [], [], {"declared_language": "None", "engine": "tesseract 4.1.0-rc1", "confidence": "0.89"},
    ),
    (
        "mets_synthetic.xml", "alto", 1, 0, [""], [], [], [],
        {"declared_language": "ger", "declared_licence": "CC-PDM-1.0", "reason": "read.empty",
         "pages": "alto/0001.xml alto/0002.xml"},
    ),
]  # fmt: skip
"""File, format, lines, characters with line feeds, first lines, last lines, must, must not, columns and facts."""


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside the checkout")
@pytest.mark.parametrize("case", EXPECTED, ids=[case[0] for case in EXPECTED])
def test_real_samples(
    case: tuple[str, str, int, int, list[str], list[str], list[str], list[str], dict[str, str]],
) -> None:
    name, kind, lines, characters, first, last, must, must_not, columns = case
    for reader in (find("stages.read", kind), find("stages.read", "xml")):
        with (SAMPLES / name).open("rb") as file:
            piece = Piece("samples", name, 0, (SAMPLES / name).stat().st_size)
            (one,) = reader.read(file, piece, reader.Options())
        found = (one.text or "").split("\n")
        assert (len(found), len(one.text or "")) == (lines, characters)
        assert found[: len(first)] == first and found[len(found) - len(last) :] == last
        assert all(text in (one.text or "") for text in must)
        assert not any(text in (one.text or "") for text in must_not)
        told = {name: getattr(one, name) for name in STATED if name != "facts"} | {"reason": one.reason}
        told |= {"confidence": round(one.confidence or 0, 2)} | dict(one.facts or {})
        assert {column: str(told[column]) for column in columns} == columns
