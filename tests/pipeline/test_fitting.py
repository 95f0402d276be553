"""Limits from texts: the share that is asked for lies beyond them, and a profile takes them as printed."""

import json
import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from florilegium.filters import every_filter
from florilegium.filters.limits import Limits
from florilegium.filters.text import Text
from florilegium.languages import load
from florilegium.pipeline.errors import PipelineError
from florilegium.pipeline.fitting import _end, fit, toml
from florilegium.pipeline.sample.content import load as sample
from florilegium.stages.filter import Filter

Run = Callable[..., subprocess.CompletedProcess[str]]


@given(
    values=st.lists(st.floats(0, 1000, width=32), min_size=1, max_size=60), share=st.sampled_from([0.0, 0.01, 0.1, 0.4])
)
def test_no_more_than_the_share_lies_beyond_a_quantile(values: list[float], share: float) -> None:
    column = np.array(values)
    low, high = (_end(column, end, "quantile", share, 0) for end in ("low", "high"))
    assert low is not None and high is not None
    assert (column < np.float32(low)).sum() <= share * len(values)
    assert (column > np.float32(high)).sum() <= share * len(values)
    if share == 0:
        assert low <= min(values) * (1 + 1e-6) and max(values) * (1 - 1e-6) <= high


@given(values=st.lists(st.floats(0, 1000, width=32), min_size=1, max_size=60), distance=st.sampled_from([1.0, 4.0]))
def test_mad_goes_both_ways_from_the_median(values: list[float], distance: float) -> None:
    column = np.array(values)
    low, high = (_end(column, end, "mad", 0, distance) for end in ("low", "high"))
    middle = sorted(values)[len(values) // 2] if len(values) % 2 else float(np.median(values))
    spread = float(np.median([abs(value - middle) for value in values]))
    if spread == 0:
        assert low is None and high is None
    else:
        assert high is not None and (low is None) == (middle - distance * 1.4826 * spread < 0)
        step = 0.01 * max(abs(middle - distance * 1.4826 * spread), 1e-9)
        assert low is None or low <= middle - distance * 1.4826 * spread <= low + step
        assert high - 0.01 * high <= middle + distance * 1.4826 * spread <= high


def write(folder: Path) -> list[str]:
    """The German prose of the sample, a file a passage."""
    found = ["\n".join(one.paragraphs) for one in sample().passages.values() if one.language == "deu_Latn"]
    assert len(found) > 5
    for at, text in enumerate(found):
        (folder / f"{at}.txt").write_text(text, "utf-8")
    return found


def test_it_measures_as_a_build_does_and_says_how_many_it_would_drop(tmp_path: Path) -> None:
    written = write(tmp_path)
    found = fit("deu_Latn", str(tmp_path), method="quantile", share=0.2, distance=0)
    assert found.texts == len(written)
    assert {"length.words", "lines.bullets", "stop_words.distinct"} <= {one.measure for one in found.ends}
    for one in found.ends:
        measure = every_filter()[one.measure]
        values = [np.float32(measure(Text(text, load("deu_Latn")))) for text in written]
        for limit, dropped in ((one.now, one.dropped_now), (one.new, one.dropped_new)):
            if limit is None:
                continue
            beyond = [value < np.float32(limit) if one.end == "low" else value > np.float32(limit) for value in values]
            assert sum(beyond) == dropped, one
        assert one.dropped_new <= 0.2 * len(written)
    assert max(one.dropped_new for one in found.ends) <= found.dropped_new <= len(written)


def test_by_default_every_end_that_has_a_limit_and_by_name_both(tmp_path: Path) -> None:
    write(tmp_path)
    found = fit("deu_Latn", str(tmp_path), method="quantile", share=0.01, distance=0)
    assert all(one.now is not None for one in found.ends)
    off = next(name for name, limits in Filter().effective("deu_Latn").items() if limits == Limits())
    named = fit("deu_Latn", str(tmp_path), method="quantile", share=0.01, distance=0, measures=[off])
    assert [(one.measure, one.end, one.now) for one in named.ends] == [(off, "low", None), (off, "high", None)]


def test_a_profile_takes_what_is_printed(run: Run, tmp_path: Path) -> None:
    write(tmp_path)
    found = fit("deu_Latn", str(tmp_path), method="mad", share=0, distance=4)
    arguments = ("limits", "fit", "deu_Latn", "--good", tmp_path, "--method", "mad")
    shown = run(*arguments, "--toml").stdout
    assert shown == toml(found)
    limits = tomllib.loads(shown)["limits"]
    assert {(name, end): value for name, ends in limits.items() for end, value in ends.items()} == {
        (one.measure, one.end): one.new for one in found.ends
    }
    assert f"# From {found.texts} reference texts: median and 4 x 1.4826 MAD." in shown
    told = json.loads(run(*arguments, "--json").stdout)
    assert told["texts"] == found.texts
    assert "the limits now would drop" in run(*arguments).stdout


def test_mistakes_are_said(tmp_path: Path) -> None:
    write(tmp_path)
    for language, measures, sentence in (
        ("german", [], "'german' is not a language code"),
        ("deu_Latn", ["lines.bulets"], "did you mean lines.bullets"),
    ):
        with pytest.raises(PipelineError) as caught:
            fit(language, str(tmp_path), method="quantile", share=0.01, distance=0, measures=measures)
        assert sentence in str(caught.value)
