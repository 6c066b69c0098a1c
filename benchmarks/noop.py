"""What sending is held against: an actor that does nothing, on a broker with our options and middleware."""

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Callbacks, Pipelines, Retries

from quizmail.broker import MAIL_QUEUE, MAINTENANCE_CHANCE

broker = RedisBroker(
    url=os.environ["REDIS_URL"],
    middleware=[AgeLimit(), Callbacks(), Pipelines(), Retries()],
    maintenance_chance=MAINTENANCE_CHANCE,
)
dramatiq.set_broker(broker)


@dramatiq.actor(queue_name=MAIL_QUEUE)
def deliver(delivery_id: int) -> None:
    """Do nothing."""
