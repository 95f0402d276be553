"""Main text by trafilatura: one parse with limits, and its choice among what is there."""

import re
from collections.abc import Callable
from functools import cache

from florilegium.stages._page import Page


@cache
def reader(favor: str, max_depth: int, fast: bool) -> Callable[[bytes], Page]:
    """trafilatura behind one parse: from a page in UTF-8 to what was found.

    No metadata (it doubles the time), no `deduplicate` (it remembers earlier pages, so order would show).
    """
    from copy import deepcopy

    from lxml import etree
    from lxml.html import HtmlElement
    from trafilatura import extract
    from trafilatura.settings import DEFAULT_CONFIG, Extractor
    from trafilatura.utils import line_processing, trim

    config = deepcopy(DEFAULT_CONFIG)
    # trafilatura answers None for errors inside it and for texts below this size alike: at 0, only errors are left.
    config.set("DEFAULT", "MIN_OUTPUT_SIZE", "0")
    options = Extractor(
        config=config, comments=False, tables=True, precision=favor == "precision", recall=favor == "recall", fast=fast
    )
    # The encoding is given, so that neither meta nor an XML prolog is believed. huge_tree lifts libxml2's depth from
    # 256 to 2,048, beyond which it stops reading: max_depth is well below.
    parser = etree.HTMLParser(
        encoding="utf-8",
        huge_tree=True,
        remove_comments=True,
        remove_pis=True,
        collect_ids=False,
        default_doctype=False,
    )
    # One class for all elements, chosen in C: lxml.html's own choice, by name and in Python, costs a twentieth.
    parser.set_element_class_lookup(etree.ElementDefaultClassLookup(element=HtmlElement))
    too_deep = etree.XPath("boolean(" + "/*" * (max_depth + 1) + ")")
    # lxml lets `<o:p>` in, but not out: copying it raises, inside trafilatura too. HTML treats the unknown as span.
    misnamed = etree.XPath("//*[translate(name(), 'abcdefghijklmnopqrstuvwxyz0123456789-_.', '') != '']")

    def read(page: bytes) -> Page:
        page = _fit_for_xml(page)
        tree = etree.fromstring(page, parser) if page.strip() else None
        if tree is None:
            return Page(reason="extract.empty")
        if too_deep(tree):
            return Page(reason="extract.too_deep")
        for element in misnamed(tree):
            element.tag = "span"
        text = extract(tree, options=options)
        if text is None:
            return Page(reason="extract.failed")
        text = text.strip()
        return Page(text) if text else Page(reason="extract.empty")

    def read_safely(page: bytes) -> Page:
        try:
            return read(page)
        except MemoryError:
            raise
        except Exception:
            return Page(reason="extract.failed")
        finally:
            # Pure functions, but each keeps 1,024 strings of any length.
            line_processing.cache_clear()
            trim.cache_clear()

    return read_safely


FORBIDDEN = bytes(set(range(0x20)) - set(b"\t\n\r"))
SPACES = bytes.maketrans(FORBIDDEN, b" " * len(FORBIDDEN))
NONCHARACTERS = ("\ufffe".encode(), "\uffff".encode())
REFERENCES = re.compile(
    rb"&#(?:x0*(?:[0-8bcef]|1[0-9a-f]|fff[ef])(?![0-9a-f])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]|6553[45])(?![0-9]));?", re.I
)


def _fit_for_xml(page: bytes) -> bytes:
    """The page with spaces for the characters that XML 1.0 has not (2.2), plain or as numeric references.

    HTML lets them pass, but lxml refuses text that holds one: a single form feed would cost the document.
    """
    page = page.translate(SPACES)
    for character in NONCHARACTERS:
        page = page.replace(character, b" ")
    return REFERENCES.sub(b" ", page)
