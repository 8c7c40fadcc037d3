"""A bill as a file: every line of it is good, or none is taken and each bad one is named."""

from __future__ import annotations

import csv
import io
import uuid
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chat.forms.bills import CELLS, AmountField, LineForm, line_of
from chat.models import BilledDay

LARGEST = 2 * 1024 * 1024
MOST_LINES = 10_000
MOST_PROBLEMS = 30
# What else a column may be called.
OTHER_NAMES = {
    "date": "day",
    "tokens_in": "prompt_tokens",
    "input_tokens": "prompt_tokens",
    "tokens_out": "completion_tokens",
    "output_tokens": "completion_tokens",
    "tokens": "total_tokens",
    "cost": "amount",
}


@dataclass(frozen=True, slots=True)
class BillFile:
    lines: list[BilledDay]
    # Columns that nothing is read from.
    unread: list[str]
    text: str


class BillFileForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        error_messages={
            "required": gettext_lazy("Choose a file."),
            "empty": gettext_lazy("This file is empty. Choose another."),
        },
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv"}),
    )

    def clean_file(self) -> BillFile:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if (file.size or 0) > LARGEST:
            raise ValidationError(_("Give a file of at most 2 MB: a month at a time is enough."))
        try:
            text = file.read().decode("utf-8-sig")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ValidationError(_("Save the file as CSV in UTF-8."))
        self.file_name = file.name or ""
        return read(text)


class ConfirmForm(forms.Form):
    """The file once more, as it was shown."""

    text = forms.CharField(strip=False, max_length=LARGEST * 2, widget=forms.Textarea)
    file_name = forms.CharField(required=False, max_length=200)
    key = forms.UUIDField(initial=uuid.uuid4)

    def clean_text(self) -> BillFile:
        return read(self.cleaned_data["text"])


def read(text: str) -> BillFile:
    """Raises ValidationError with every line that is bad, by its number."""
    delimiter = _delimiter(text)
    rows = csv.reader(io.StringIO(text, newline=None), delimiter=delimiter, strict=True)
    try:
        names = [_name(cell) for cell in next(rows, [])]
        _check_names(names)
        lines = _lines(rows, names, _fields(point_is_clear=delimiter == ","))
    except csv.Error:
        raise ValidationError(
            _("Line %(number)d: it is not CSV. Check its quotation marks.")
            % {"number": rows.line_num}
        ) from None
    return BillFile(lines, [name for name in names if name and name not in CELLS], text)


def _delimiter(text: str) -> str:
    head = text.partition("\n")[0]
    return ";" if head.count(";") > head.count(",") else ","


def _name(cell: str) -> str:
    name = cell.strip().lower().replace(" ", "_").replace("-", "_")
    return OTHER_NAMES.get(name, name)


def _check_names(names: list[str]) -> None:
    known = [name for name in names if name in CELLS]
    if not {"day", "model"} <= set(known):
        raise ValidationError(
            _("The first line has to name the columns: day, model and at least one of %(others)s.")
            % {"others": ", ".join(CELLS[2:6])}
        )
    if twice := sorted({name for name in known if known.count(name) > 1}):
        raise ValidationError(
            _("Name each column once: there is more than one %(names)s.")
            % {"names": ", ".join(twice)}
        )


def _fields(*, point_is_clear: bool) -> dict[str, forms.Field]:
    fields = {name: LineForm.base_fields[name] for name in CELLS}
    amount = AmountField(required=False, max_length=40)
    # Whoever parts cells by semicolons writes commas in numbers.
    amount.point_is_clear = point_is_clear
    return fields | {"amount": amount}


def _lines(rows: Any, names: list[str], fields: dict[str, forms.Field]) -> list[BilledDay]:
    problems: list[str] = []
    lines: dict[Any, tuple[int, BilledDay]] = {}
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(lines) >= MOST_LINES:
            raise ValidationError(_("Give at most 10,000 lines: a month at a time is enough."))
        try:
            line = _line(row, names, fields)
            first, _before = lines.setdefault(line.key, (rows.line_num, line))
            if first != rows.line_num:
                raise ValidationError(
                    _("Line %(first)d has the same day and model. Add them up.") % {"first": first}
                )
        except ValidationError as problem:
            problems += _named(rows.line_num, problem)
    if problems:
        raise ValidationError(_first(problems))
    if not lines:
        raise ValidationError(_("This file has no lines under its columns. Choose another."))
    return [line for _number, line in lines.values()]


def _line(row: list[str], names: list[str], fields: dict[str, forms.Field]) -> BilledDay:
    if any(cell.strip() for cell in row[len(names) :]):
        raise ValidationError(_("There are more cells than columns. Quote what holds a comma."))
    given = dict(zip(names, row, strict=False))
    cells: dict[str, Any] = {}
    problems: dict[str, list[str]] = {}
    for name, field in fields.items():
        try:
            cells[name] = field.clean(given.get(name, "").strip())
        except ValidationError as problem:
            problems[name] = problem.messages
    if problems:
        raise ValidationError(problems)
    return line_of(cells)


def _named(number: int, problem: ValidationError) -> list[str]:
    """With the line, and the column if it is of one."""
    if not hasattr(problem, "error_dict"):
        return [
            _("Line %(number)d: %(problem)s") % {"number": number, "problem": words}
            for words in problem.messages
        ]
    return [
        _("Line %(number)d, %(column)s: %(problem)s")
        % {"number": number, "column": column, "problem": words}
        for column, sentences in problem.message_dict.items()
        for words in sentences
    ]


def _first(problems: list[str]) -> list[str]:
    rest = len(problems) - MOST_PROBLEMS
    if rest <= 0:
        return problems
    more = ngettext("And one more.", "And %(count)d more.", rest) % {"count": rest}
    return [*problems[:MOST_PROBLEMS], more]
