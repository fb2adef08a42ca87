"""The ways to a person. Written by hand: a channel is a file and a line here."""

from collector.notify.channels import email, push, sms, webhook
from collector.notify.channels.channel import Deliver
from collector.notify.models import Channel

CHANNELS: dict[str, Deliver] = {
    Channel.EMAIL: email.deliver,
    Channel.SMS: sms.deliver,
    Channel.WEBHOOK: webhook.deliver,
    Channel.PUSH: push.deliver,
}
