"""The real samples of parliaments and libraries, where they are at hand, give what the reference says of them."""

from pathlib import Path

import pytest

from florilegium.pipeline.stage import find
from florilegium.stages.read import Piece

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
]  # fmt: skip
"""File, format, lines, characters with line feeds, first lines, last lines, must, must not, columns."""


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
        assert {column: str(getattr(one, column)) for column in columns} == columns
