"""periodiq's schedule, in a process that outlives Redis.

periodiq keeps no state and ends when Redis is away at the minute; the launcher would then stop everything
else. Nothing depends on a single tick, so the loop is simply begun again when Redis is back.
"""

import logging
import signal
from collections.abc import Callable

import redis
from dramatiq import Broker
from dramatiq.errors import ConnectionError as BrokerConnectionError
from periodiq import Scheduler

log = logging.getLogger(__name__)


def schedule(broker: Broker, wait: Callable[[], None]) -> None:
    """Send the periodic actors of `broker` at their times, for ever; `wait` returns when Redis answers."""
    periodic = [actor for actor in broker.actors.values() if "periodic" in actor.options]
    for actor in periodic:
        log.info("scheduled %s at %s", actor.actor_name, actor.options["periodic"])
    while True:
        wait()
        try:
            scheduler = Scheduler(periodic)
            scheduler.schedule()
            scheduler.loop()
        except (redis.RedisError, BrokerConnectionError) as problem:
            signal.alarm(0)  # One that is left over would wake the next loop at the wrong time.
            log.warning("Redis was lost (%s), starting again when it is back", type(problem).__name__)
