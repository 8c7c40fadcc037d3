"""Reading metrics as Prometheus does: what there is, and what has been added to it."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from chat.generation import exposition

Page = dict[tuple[str, frozenset[tuple[str, str]]], float]


def read_page(text: str) -> Page:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def names() -> set[str]:
    """Of all metrics of this process that are evoweb's own."""
    families = text_string_to_metric_families(exposition.page().decode())
    own = [family for family in families if family.name.startswith("evoweb_")]
    return {family.name + ("_total" if family.type == "counter" else "") for family in own}


def present(name: str, **labels: str) -> float:
    return read_page(exposition.page().decode())[name, frozenset(labels.items())]


class Added:
    """What came to the counts of this process since then: they go on from test to test."""

    def __init__(self) -> None:
        self._before = read_page(exposition.page().decode())

    def to(self, name: str, **labels: str) -> float:
        return present(name, **labels) - self._before[name, frozenset(labels.items())]
