"""Takes a file that was sent, asks about it, and imports it once the person has agreed."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec

from llmagent_os.events import Attachment, Command, Message
from llmagent_os.languages import gettext, ngettext
from llmagent_os.plugin import Button, ToolResult
from llmagent_os.plugins.finance.budget_answers import told_breaches
from llmagent_os.plugins.finance.finance_call import FinanceCall, unclear
from llmagent_os.plugins.finance.finance_store import MAX_TRANSACTIONS, latest_first, waiting_key
from llmagent_os.plugins.finance.holdings.holding import Trade
from llmagent_os.plugins.finance.holdings.holding_rows import content_of, prices_of, trades_of
from llmagent_os.plugins.finance.holdings_undo import keep_before, undo_button
from llmagent_os.plugins.finance.import_question import ask_about
from llmagent_os.plugins.finance.money import Money, currency_of, plain_decimal
from llmagent_os.plugins.finance.net_worth import KnownBalance
from llmagent_os.plugins.finance.reading.date_format import read_date
from llmagent_os.plugins.finance.reading.file_reading import decided, read_statement
from llmagent_os.plugins.finance.reading.sheet import MAX_FILE_BYTES, ROLES, Sheet
from llmagent_os.plugins.finance.reading.statement_error import StatementError
from llmagent_os.plugins.finance.statement_rows import sheet_id, transactions_of
from llmagent_os.plugins.finance.transaction import new_ones
from llmagent_os.sealing.sealed_files import read_file

WAITING_TIMER = "waiting"
WAITING_TIME = timedelta(days=2)  #: a file that nobody confirms is forgotten then
_ENDINGS = (".csv", ".tsv", ".ofx", ".qfx", ".qif", ".camt", ".053")


async def import_received(call: FinanceCall) -> ToolResult | None:
    """Read the statements among the files of a message or a command. None: there are none."""
    event = call.context.event
    files = event.attachments if isinstance(event, Message | Command) else ()
    # Where a platform has no commands of its own, one with a file is a message.
    asked = isinstance(event, Command) or call.context.text.lower().startswith("/finance")
    own = [each for each in files if asked or _is_statement(each)]
    if not own:
        return None
    if problem := next((each for each in own if each.problem), None):
        return unclear(gettext("I could not fetch {name}: {problem}.", name=problem.name, problem=problem.problem))
    try:
        sheets = [await asyncio.to_thread(_read, each) for each in own]
        await call.store.clear_waiting()
        for number, sheet in enumerate(sheets):
            await call.store.wait_for(waiting_key(number), sheet)
        await call.context.timers.set(WAITING_TIMER, call.context.now + WAITING_TIME)
        return await ask_about(call, sheets[0])
    except StatementError as error:
        return unclear(str(error))


async def change_waiting(call: FinanceCall, **changes: object) -> ToolResult:
    """Change how the file that waits is read, and ask about it again."""
    found = await call.store.waiting()
    if found is None:
        return unclear(gettext("No file waits to be imported. Send me one."))
    try:
        sheet = await asyncio.to_thread(decided, msgspec.structs.replace(found[1], **changes))
        await call.store.wait_for(found[0], sheet)
        return await ask_about(call, sheet)
    except StatementError as error:
        return unclear(str(error))


async def set_columns(call: FinanceCall, words: str) -> ToolResult:
    """Answer ``/finance columns ROLE=NAME …``: what the columns hold."""
    found = await call.store.waiting()
    if found is None:
        return unclear(gettext("No file waits to be imported. Send me one."))
    sheet = found[1]
    roles = dict(sheet.roles)
    names = {name.casefold(): number for number, name in enumerate(sheet.head)}
    for pair in words.replace(", ", "\n").replace("; ", "\n").splitlines() if "," in words else words.split():
        role, _, name = (part.strip() for part in pair.partition("="))
        if role not in ROLES or name.casefold() not in names:
            return unclear(
                gettext(
                    "I do not understand “{pair}”. The roles are {roles}; the columns are {columns}. "
                    "Put commas between pairs if a name has spaces.",
                    pair=pair[:60],
                    roles=", ".join(ROLES),
                    columns=", ".join(sheet.head)[:500],
                )
            )
        roles = {each: number for each, number in roles.items() if number != names[name.casefold()]}
        roles[role] = names[name.casefold()]
    if "amount" in words:
        roles = {each: number for each, number in roles.items() if each not in ("debit", "credit") or each in words}
    return await change_waiting(call, roles=roles, date_order="", decimal="")


async def pressed(call: FinanceCall, action: str, own: str, value: str) -> ToolResult:
    """Answer a button under a question about a file."""
    found = await call.store.waiting()
    if found is None or sheet_id(found[1]) != own:
        return ToolResult({"status": "stale"}, gettext("That file no longer waits. Send it again to import it."))
    if action == "dates" and value in ("DMY", "MDY"):
        return await change_waiting(call, date_order=value)
    if action == "decimal" and value in (".", ","):
        return await change_waiting(call, decimal=value)
    if action == "currency" and currency_of(value):
        return await change_waiting(call, currency=currency_of(value))
    if action == "swap":
        return await change_waiting(call, swapped=not found[1].swapped)
    if action == "cancel":
        await call.store.drop(found[0])
        return await _with_next(call, ToolResult({"status": "kept"}, gettext("I have imported nothing.")))
    if action != "import":
        return ToolResult({"status": "stale"}, gettext("That file no longer waits. Send it again to import it."))
    try:
        result = await _imported(call, found[1])
    except StatementError as error:
        return unclear(str(error))
    await call.store.drop(found[0])
    return await _with_next(call, result)


async def _imported(call: FinanceCall, sheet: Sheet) -> ToolResult:
    if content_of(sheet) != "transactions":
        return await _import_holdings(call, sheet)
    known = await call.store.transactions()
    found = await asyncio.to_thread(transactions_of, sheet)
    fresh = await asyncio.to_thread(new_ones, found, known)
    if len(known) + len(fresh) > MAX_TRANSACTIONS:
        raise StatementError(gettext("That would be more than {count} transactions.", count=f"{MAX_TRANSACTIONS:,}"))
    await call.store.add(fresh)
    await _keep_balances(call, sheet)
    text = [ngettext("I have imported {count} transaction.", "I have imported {count} transactions.", len(fresh))]
    if len(found) > len(fresh):
        text.append(ngettext("{count} was here already.", "{count} were here already.", len(found) - len(fresh)))
    text += await told_breaches(call)
    return ToolResult(
        {"status": "imported", "count": str(len(fresh)), "known": str(len(found) - len(fresh))},
        " ".join(text),
        buttons=(Button(gettext("Undo"), f"undo:{sheet_id(sheet)}:"),) if fresh else (),
        word_for_word=True,
    )


async def _keep_balances(call: FinanceCall, sheet: Sheet) -> None:
    settings = await call.store.settings()
    balances = settings.balances
    for each in sheet.balances:
        day, amount = read_date(each.day, "YMD"), plain_decimal(each.amount)
        code = currency_of(each.currency)
        if day is not None and amount is not None and code:
            balances = latest_first(balances, KnownBalance(each.account or "main", day, Money(amount, code)))
    if balances != settings.balances:
        await call.store.keep_settings(msgspec.structs.replace(settings, balances=balances))


async def _import_holdings(call: FinanceCall, sheet: Sheet) -> ToolResult:
    holdings = await call.store.holdings()
    found = await asyncio.to_thread(trades_of, sheet, call.today) if content_of(sheet) == "trades" else []
    if "date" not in sheet.roles:  # what is held now: the difference to what was held is bought or sold
        held = holdings.quantities(call.today)
        found = [
            msgspec.structs.replace(each, quantity=each.quantity - held.get(each.symbol, Decimal(0))) for each in found
        ]
        found = [each for each in found if each.quantity]
    there = Counter(holdings.trades)
    fresh: list[Trade] = []
    for each in found:
        if there[each] > 0:
            there[each] -= 1
        else:
            fresh.append(each)
    series = await asyncio.to_thread(prices_of, sheet, call.today)
    for new in series:
        known = holdings.prices.get(new.symbol)
        if known is not None and known.currency != new.currency:
            raise StatementError(
                gettext(
                    "{symbol} is in {one} here and in {other} in the file. I do not mix currencies.",
                    symbol=new.symbol,
                    one=known.currency,
                    other=new.currency,
                )
            )
    before = await keep_before(call, [new.symbol for new in series]) if fresh or series else ""
    await call.store.keep_trades([*holdings.trades, *fresh])
    for new in series:
        known = holdings.prices.get(new.symbol)
        own = dict(zip(new.days, new.prices, strict=True))
        await call.store.keep_prices(known.with_prices(own) if known else new)
    prices = sum(len(new.days) for new in series)
    return ToolResult(
        {"status": "imported", "trades": str(len(fresh)), "prices": str(prices)},
        gettext(
            "I have imported: {trades}, {prices}. `/finance portfolio` shows what comes of it.",
            trades=ngettext("{count} trade", "{count} trades", len(fresh)),
            prices=ngettext("{count} price", "{count} prices", prices),
        ),
        buttons=(undo_button(before),) if before else (),
        word_for_word=True,
    )


async def _with_next(call: FinanceCall, result: ToolResult) -> ToolResult:
    """Go on with the next file of the message, if several were sent."""
    found = await call.store.waiting()
    if found is None:
        return result
    try:
        following = await ask_about(call, found[1])
    except StatementError as error:
        following = unclear(str(error))
    return msgspec.structs.replace(following, text=f"{result.text}\n{following.text}")


def _is_statement(file: Attachment) -> bool:
    name = file.name.lower()
    kind = file.content_type.partition(";")[0].strip().lower()
    return (
        name.endswith(_ENDINGS)
        or kind in ("text/csv", "application/x-ofx", "application/vnd.intu.qfx")
        or (name.endswith((".xml", ".zip")) and "camt" in name)
    )


def _read(file: Attachment) -> Sheet:
    try:
        path = Path(file.path)
        if path.stat().st_size > 2 * MAX_FILE_BYTES:  # encrypted, it is a little larger
            return read_statement(b" " * (MAX_FILE_BYTES + 1))
        return read_statement(read_file(path))
    except OSError as error:
        raise StatementError(gettext("I do not have that file any more. Please send it again.")) from error
