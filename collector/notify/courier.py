"""The loop that calls the channels: claims, hands over, records, and decides what is tried again and when."""

import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import SystemRandom

from django.conf import settings

from collector.core import clock
from collector.notify import claiming
from collector.notify.channels.channel import Deliver, DeliveryError, Sealed, Target
from collector.notify.channels.registry import CHANNELS
from collector.notify.models import Address, BadAddress, Channel, Outgoing, Status

FIRST_WAIT_S = 30.0
LONGEST_WAIT_S = 3600.0
TIRED_S = 30.0
ROUND = 100
PATIENCE: Mapping[str, timedelta] = {
    Channel.EMAIL: timedelta(hours=48),
    Channel.SMS: timedelta(hours=2),
    Channel.WEBHOOK: timedelta(hours=24),
    Channel.PUSH: timedelta(hours=12),
}
"""So long a message is tried; what comes later is of no use to anybody."""
OF_ONE = (".address", ".refused", ".number", ".defect")
"""Of mail and SMS, these are about one message or address; all others are about the one server behind all of them."""

log = logging.getLogger(__name__)
_random = SystemRandom()


def wait_s(tries: int, asked_s: float | None, chance: float) -> float:
    """Before the next try: doubles from half a minute to an hour, spread by half (`chance` 0 to 1), so that what failed
    together does not come together; never earlier than the other side asked."""
    longest = min(FIRST_WAIT_S * 2.0 ** min(max(tries - 1, 0), 20), LONGEST_WAIT_S)
    return max(longest * (0.5 + chance / 2), asked_s or 0.0)


@dataclass(slots=True)
class _Tired:
    """Addresses that just failed, or all of a channel, and until when they are left alone."""

    addresses: dict[str, float]
    all_until: float = 0.0


class Courier:
    """Of one channel, and a duty of a ticker of its own: a slow server holds up nothing but its channel. Several may
    run, in one process or many."""

    def __init__(self, channel: str, deliver: Deliver | None = None) -> None:
        self.channel = channel
        self.worker = secrets.token_hex(12)
        self._deliver = deliver or CHANNELS[channel]
        self._tired = _Tired({})
        self.__name__ = f"courier of {channel}"

    def __call__(self, now: datetime) -> int:
        """One round: what is due, until nothing is. How many were handed over."""
        claiming.give_back(now)
        done = 0
        for _ in range(ROUND):
            found = self._next(clock.now())
            if found is None:
                break
            done += self.carry(found)
        return done

    def carry(self, pk: int) -> bool:
        """Send what was claimed. True where the other side has it."""
        message = claiming.begin(pk, self.worker, clock.now())
        if message is None:
            log.warning("message %s is another worker's by now; left to it", pk)
            return False
        try:
            reply = self._hand_over(message)
        except DeliveryError as e:
            self._failed(message, e)
            return False
        except Exception as e:  # a defect of a channel must not stop the others, nor repeat for ever
            log.exception("message %s cannot be handed over", pk)
            self._failed(message, _defect(e))
            return False
        return claiming.sent(pk, self.worker, reply, clock.now())

    def _next(self, now: datetime) -> int | None:
        moment = clock.monotonic()
        self._tired.addresses = {a: u for a, u in self._tired.addresses.items() if u > moment}
        if self._tired.all_until > moment:
            return None
        return claiming.claim(self.channel, self.worker, now, frozenset(self._tired.addresses))

    def _hand_over(self, message: Outgoing) -> str:
        if message.until and clock.now() > message.until:
            raise DeliveryError("its time was over before it could go", code="notify.late", retriable=False)
        bad = BadAddress.objects.filter(channel=self.channel, address=message.address).first()
        if bad:
            raise DeliveryError(
                f"the address was refused on {bad.since:%Y-%m-%d}: {bad.why}",
                code="notify.bad_address",
                retriable=False,
            )
        return self._deliver(sealed(message), _target(message))

    def _failed(self, message: Outgoing, e: DeliveryError) -> None:
        now = clock.now()
        if e.retriable and now - message.made_at < PATIENCE[self.channel]:
            pause = timedelta(seconds=wait_s(message.tries, e.retry_after_s, _random.random()))
            claiming.later(message.pk, self.worker, now + pause, e.code, str(e), doubtful=e.doubtful)
            self._rest(message.address, e)
            return
        claiming.failed(message.pk, self.worker, e.code, str(e), now)
        if e.bad_address:
            mark_bad(self.channel, message.address, str(e), now)

    def _rest(self, address: str, e: DeliveryError) -> None:
        until = clock.monotonic() + TIRED_S
        one_server = self.channel in (Channel.EMAIL, Channel.SMS)
        if one_server and not e.code.endswith(OF_ONE):
            self._tired.all_until = until
        else:
            self._tired.addresses[address] = until


def mark_bad(channel: str, address: str, why: str, now: datetime) -> None:
    """Nothing more is sent there until a person says that it is well."""
    BadAddress.objects.get_or_create(
        channel=channel, address=address, defaults={"since": now, "why": why[:400]}
    )


def mark_well(channel: str, address: str) -> bool:
    gone, _each = BadAddress.objects.filter(channel=channel, address=address).delete()
    return gone > 0


def sealed(message: Outgoing) -> Sealed:
    return Sealed(
        key=message.key,
        language=message.language,
        subject=message.subject,
        text=message.text,
        html=message.html,
        made_at=message.made_at,
        thread=message.thread,
        headers=message.headers,
        facts=message.facts,
    )


def _target(message: Outgoing) -> Target:
    """DeliveryError where a web hook or a browser has been taken off the person's list meanwhile."""
    if message.channel in (Channel.EMAIL, Channel.SMS):
        return Target(message.address)
    rows = Address.objects.filter(channel=message.channel, address=message.address, person=message.person_id)
    found = rows.first()
    if found is None:
        raise DeliveryError("the address was taken off the list", code="notify.removed", retriable=False)
    return Target(found.address, found.keys)


def _defect(e: Exception) -> DeliveryError:
    return DeliveryError(f"{type(e).__name__}: {e}", code="notify.defect", retriable=True)


def forget_old(now: datetime) -> int:
    """A duty: messages are kept for `keep_days`. How many went."""
    limit = now - timedelta(days=settings.CONFIG.notify.keep_days)
    oldest = Outgoing.objects.order_by("pk").values_list("pk", "made_at", "status")[:ROUND]
    ended = (Status.SENT, Status.FAILED)
    some = [pk for pk, made_at, status in oldest if made_at < limit and status in ended]
    return Outgoing.objects.filter(pk__in=some).delete()[0] if some else 0
