"""``[budgets]`` in a bot's TOML file: how much may be used, by whom and in which time, and what it costs."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from llmagent_os.ledger.usage_sums import Period, Scope, Used


class Limit(BaseModel):
    """What may be used in one period. Nothing named: nothing is limited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: int = Field(default=0, ge=0)  #: that are answered; 0: any number
    tokens: int = Field(default=0, ge=0)  #: that models read and write; 0: any number
    speech: float = Field(default=0.0, ge=0.0)  #: minutes that are heard and spoken; 0: any number
    money: float = Field(default=0.0, ge=0.0)  #: by the prices; 0: any sum


NO_LIMIT = Limit()


class Periods(BaseModel):
    """The limits of an hour, a day and a month, which begin with the clock and the calendar of the bot's time zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hour: Limit = NO_LIMIT
    day: Limit = NO_LIMIT
    month: Limit = NO_LIMIT

    @property
    def set(self) -> dict[Period, Limit]:
        """The limits that are set."""
        all_of: dict[Period, Limit] = {"hour": self.hour, "day": self.day, "month": self.month}
        return {period: limit for period, limit in all_of.items() if limit != NO_LIMIT}


NO_LIMITS = Periods()


class Price(BaseModel):
    """What 1,000 tokens cost, and a minute of speech."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    read: float = Field(default=0.0, ge=0.0)  #: that a model reads
    written: float = Field(default=0.0, ge=0.0)  #: that a model writes
    embedded: float = Field(default=0.0, ge=0.0)  #: that an embedding model reads
    heard: float = Field(default=0.0, ge=0.0)  #: a minute of a recording
    spoken: float = Field(default=0.0, ge=0.0)  #: a minute of a reply that is read aloud
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "USD"

    def of(self, used: Used) -> float:
        """The price of what was used.

        >>> Price(read=0.5, written=2.0).of(Used(prompt_tokens=1000, completion_tokens=500))
        1.5
        >>> Price(heard=0.5).of(Used(heard_seconds=30.0))
        0.25
        """
        tokens = used.prompt_tokens * self.read + used.completion_tokens * self.written
        tokens += used.embedded_tokens * self.embedded
        return tokens / 1000 + (used.heard_seconds * self.heard + used.spoken_seconds * self.spoken) / 60

    @property
    def is_set(self) -> bool:
        """Whether anything costs something."""
        return any((self.read, self.written, self.embedded, self.heard, self.spoken))


class BudgetConfig(BaseModel):
    """All limits of a bot.

    >>> BudgetConfig.model_validate({"person": {"day": {"messages": 50}}}).limits["person", "day"].messages
    50
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    price: Price = Price()
    person: Periods = NO_LIMITS  #: each person, in all their accounts
    channel: Periods = NO_LIMITS  #: each group's channel, whoever writes there
    bot: Periods = NO_LIMITS  #: everybody together

    @model_validator(mode="after")
    def _is_priced(self) -> Self:
        for (scope, period), limit in self.limits.items():
            if limit.money and not self.price.is_set:
                raise ValueError(
                    f"`budgets.{scope}.{period}.money` needs prices: write `price = {{ read = 0.15, written = 0.60 }}` "
                    "in [budgets], for 1,000 tokens"
                )
        return self

    @property
    def limits(self) -> dict[tuple[Scope, Period], Limit]:
        """The limits that are set, by scope and period."""
        scopes: dict[Scope, Periods] = {"person": self.person, "channel": self.channel, "bot": self.bot}
        return {(scope, period): limit for scope, each in scopes.items() for period, limit in each.set.items()}

    @property
    def fits(self) -> dict[tuple[Scope, Period], Used]:
        """The limits, as the ledger compares them."""
        return {
            where: Used(
                messages=limit.messages,
                prompt_tokens=limit.tokens,
                heard_seconds=60 * limit.speech,
                money=limit.money,
            )
            for where, limit in self.limits.items()
        }
