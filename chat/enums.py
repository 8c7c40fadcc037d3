"""The words that are stored: roles, states, sources. The leaf that everything may import."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """Who wrote a message, in the upstream's own words."""

    USER = "user", _("You")
    ASSISTANT = "assistant", _("Model")


class MessageState(models.TextChoices):
    """Where a message stands. A prompt is complete from the start."""

    WAITING = "waiting", _("Waiting")
    STREAMING = "streaming", _("Writing")
    COMPLETE = "complete", _("Complete")
    STOPPED = "stopped", _("Stopped")
    INTERRUPTED = "interrupted", _("Interrupted")
    FAILED = "failed", _("Failed")


RUNNING_STATES = (MessageState.WAITING, MessageState.STREAMING)


class QueueState(models.TextChoices):
    """Where a message stands that waits for the end of a reply. Only a ready one is sent by itself;
    one that is removed can be taken back for a while."""

    READY = "ready", _("Ready")
    EDITED = "edited", _("Being edited")
    REFUSED = "refused", _("Not sent")
    REMOVED = "removed", _("Removed")


class CompletionState(models.TextChoices):
    """Where a ledger row stands. Only an open row may change, and it closes once."""

    OPEN = "open", _("Running")
    FINAL = "final", _("Final")
    ESTIMATED = "estimated", _("Estimated")
    FAILED = "failed", _("Failed")


class Source(models.TextChoices):
    """What a completion was made for."""

    CHAT = "chat", _("Chat")
    TITLE = "title", _("Title")
    API = "api", _("API")


class TitleFrom(models.TextChoices):
    """Whose words the title of a conversation are. The model is asked once."""

    WORDS = "words", _("First words")
    ASKED = "asked", _("First words, while the model is asked")
    MODEL = "model", _("Model")
    PERSON = "person", _("Person")


class Period(models.TextChoices):
    """How long a budget lasts until it starts anew, in the team's time zone."""

    DAY = "day", _("Day")
    WEEK = "week", _("Week")
    MONTH = "month", _("Month")


class RequestState(models.TextChoices):
    """Where a request for more of a budget stands. It is decided once."""

    OPEN = "open", _("Open")
    GRANTED = "granted", _("Granted")
    DECLINED = "declined", _("Declined")


class News(models.TextChoices):
    """What somebody is told of, on their pages and by mail."""

    BUDGET_LOW = "budget_low", _("Little of a budget is left")
    BUDGET_REACHED = "budget_reached", _("A budget is used up")
    MORE_ASKED = "more_asked", _("Somebody asks for more")
    MORE_GRANTED = "more_granted", _("You have more")
    MORE_DECLINED = "more_declined", _("You do not get more")
    SPIKE = "spike", _("Somebody uses much more than usual")
    FAILING = "failing", _("A model fails often")
    METER_DIFFERS = "meter_differs", _("Meter and ledger differ")
    BALANCE_LOW = "balance_low", _("The balance is low")
    UNPRICED = "unpriced", _("A model has no price")


class Grain(models.TextChoices):
    """The stretches of the team's time for which totals are kept."""

    HOUR = "hour", _("Hour")
    DAY = "day", _("Day")
    MONTH = "month", _("Month")
    # The day of one conversation. The others do not tell conversations apart.
    TALK = "talk", _("Day of a conversation")


class BilledBy(models.TextChoices):
    """Whose days are those of a bill."""

    UTC = "utc", _("UTC")
    TEAM = "team", _("the team's")


class Theme(models.TextChoices):
    AUTO = "auto", _("Like the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Verdict(models.TextChoices):
    """What somebody thought of an answer."""

    GOOD = "good", _("Good")
    BAD = "bad", _("Bad")


class Why(models.TextChoices):
    """Plain reasons for a verdict."""

    RIGHT = "right", _("It is right")
    CLEAR = "clear", _("It is clear")
    USEFUL = "useful", _("I can use it as it is")
    WRONG = "wrong", _("Something in it is wrong or made up")
    MISSED = "missed", _("It does not answer what I asked")
    INCOMPLETE = "incomplete", _("Something is missing")
    LONG = "long", _("It is too long")
    UNFIT = "unfit", _("Its tone or contents are not fit for work")


REASONS = {
    Verdict.GOOD: (Why.RIGHT, Why.CLEAR, Why.USEFUL),
    Verdict.BAD: (Why.WRONG, Why.MISSED, Why.INCOMPLETE, Why.LONG, Why.UNFIT),
}


class Fault(models.TextChoices):
    """Why a reply failed or broke off: the code that is stored, and the sentence that people see.

    "Try again" stands beside the sentence as a button, so the words say only what else helps.

    The codes are those of `completions.errors`; what really happened is in the log.
    """

    UNREACHABLE = "unreachable", _("The model could not be reached. Try again in a moment.")
    TIMED_OUT = "timed_out", _("The model took too long to answer.")
    GATEWAY_TIMED_OUT = (
        "gateway_timed_out",
        _("The answer took longer than the way to the model allows. Try a shorter question."),
    )
    KEY_REFUSED = (
        "key_refused",
        _("The model's service refused evoweb's key. Tell your administrator."),
    )
    QUOTA_EXHAUSTED = (
        "quota_exhausted",
        _("The team's account with the model's service is used up. Tell your administrator."),
    )
    FORBIDDEN = (
        "forbidden",
        _("This account may not use this model. Choose another, or tell your administrator."),
    )
    MODEL_NOT_FOUND = (
        "model_not_found",
        _("The model's service does not know this model. Choose another."),
    )
    NOT_FOUND = (
        "not_found",
        _("The model's service was not found at its address. Tell your administrator."),
    )
    TOO_LARGE = "too_large", _("This is more than the model's service takes. Send less at once.")
    CONTEXT_TOO_LONG = (
        "context_too_long",
        _(
            "This is more than the model can read at once. Try again leaves out what was said "
            "first, if anything was."
        ),
    )
    BLOCKED = "blocked", _("The model's service declined to answer this. Put it another way.")
    BAD_REQUEST = (
        "bad_request",
        _("The model's service did not accept the request. Check the settings, then try again."),
    )
    STREAM_OPTIONS_REFUSED = (
        "stream_options_refused",
        _("The model's service did not accept the request. Check the settings, then try again."),
    )
    RATE_LIMITED = (
        "rate_limited",
        _("The model's service is getting too many requests. Try again in a minute."),
    )
    UPSTREAM_FAILED = "upstream_failed", _("The model's service had a fault.")
    OVERLOADED = "overloaded", _("The model's service is overloaded. Try again in a minute.")
    BROKEN = "broken", _("The connection to the model broke off.")
    UNFINISHED = "unfinished", _("The answer ended before the model said that it was done.")
    EMPTY = "empty", _("The model ended without an answer.")
    UNREADABLE = (
        "unreadable",
        _("The model's service answered with something unreadable."),
    )
    TOO_LONG = "too_long", _("The answer grew too long and was ended here.")
    RESTARTED = "restarted", _("evoweb was restarted while this was being written.")
    INTERNAL = (
        "internal",
        _("Something went wrong in evoweb. Try again, or tell your administrator."),
    )
