"""Writes a summary to take to a doctor, as a PDF: medicines with how they were taken, and the diary.

The PDF is made by fpdf2, in the extra ``health``. Noto Sans SC of the extra ``graphics`` writes Chinese, Greek and
Cyrillic; without it, letters that Helvetica lacks become question marks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from zoneinfo import ZoneInfo

from llmagent_os.graphics.font_package import FONT_FILE, FONT_PACKAGE
from llmagent_os.languages import gettext
from llmagent_os.languages.written_values import date_text
from llmagent_os.plugin import ToolContext, ToolResult
from llmagent_os.plugins.health.diary import entries_of, moment_in
from llmagent_os.plugins.health.dose_reminders import doses_of
from llmagent_os.plugins.health.health_answer import health_answer
from llmagent_os.plugins.health.medicine_plan import medicines_of

FILE_NAME = "health-summary.pdf"
MOST_ENTRIES = 200  #: of the diary, the latest


async def doctor_summary(context: ToolContext) -> ToolResult:
    """The summary as a file, or what is missing for one."""
    sections = await _sections(context)
    if not any(rows for _, rows in sections):
        return health_answer("empty", [gettext("There is nothing to put into a summary yet.")])
    title = gettext("Health summary of {name}", name=context.profile.name or "–")
    made = gettext(
        "Written on {day} from what the person told. No doctor has checked it.", day=date_text(context.now.date())
    )
    try:
        content = await asyncio.to_thread(_pdf, title, made, sections)
    except ImportError:
        text = gettext('This installation writes no PDF. Whoever runs me installs the extra "health".')
        return health_answer("unavailable", [text])
    path = await context.files.write(FILE_NAME, content)
    return health_answer("written", [gettext("Here is a summary to take to your doctor.")], files=(path,))


async def _sections(context: ToolContext) -> list[tuple[str, list[tuple[str, str, str]]]]:
    zone = ZoneInfo(context.time_zone)
    taken = await doses_of(context)
    medicines = [
        (each.name, ", ".join(each.times), _counts(taken.get(key, {})))
        for key, each in (await medicines_of(context.records)).items()
    ]
    entries = (await entries_of(context.records))[-MOST_ENTRIES:]
    diary = [(moment_in(each.at, zone), each.what, each.how_much) for each in reversed(entries)]
    return [(gettext("Medicines"), medicines), (gettext("Diary"), diary)]


def _counts(of: dict[str, int]) -> str:
    return gettext(
        "taken {taken}, skipped {skipped}, no answer {missed}",
        taken=of.get("taken", 0),
        skipped=of.get("skipped", 0),
        missed=of.get("missed", 0) + of.get("asked", 0),
    )


def _pdf(title: str, made: str, sections: Sequence[tuple[str, Sequence[tuple[str, str, str]]]]) -> bytes:
    from fpdf import FPDF  # a quarter of a second, and in an extra

    pdf = FPDF(format="A4")
    pdf.set_title(title)
    font = _chinese_font()
    if font is None:
        family = "Helvetica"
    else:
        family = "noto"
        pdf.add_font(family, fname=str(font))

    def shown(text: str) -> str:
        return text if font is not None else text.encode("latin-1", "replace").decode("latin-1")

    pdf.add_page()
    pdf.set_font(family, size=16)
    pdf.multi_cell(0, 9, shown(title), new_x="LMARGIN", new_y="NEXT")
    pdf.set_font(family, size=9)
    pdf.multi_cell(0, 5, shown(made), new_x="LMARGIN", new_y="NEXT")
    for heading, rows in sections:
        if not rows:
            continue
        pdf.ln(4)
        pdf.set_font(family, size=12)
        pdf.multi_cell(0, 7, shown(heading), new_x="LMARGIN", new_y="NEXT")
        pdf.set_font(family, size=10)
        with pdf.table(first_row_as_headings=False, col_widths=(30, 45, 35)) as table:
            for row in rows:
                table.row([shown(cell) for cell in row])
    return bytes(pdf.output())


def _chinese_font() -> Path | None:
    found = find_spec(FONT_PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    return next(iter(sorted(Path(found.submodule_search_locations[0]).rglob(FONT_FILE))), None)
