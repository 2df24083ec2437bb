"""The engines of one process, made once by `app` and handed to the doors and the worker.

A plain record, no container: nothing is looked up by type or name.
"""

import msgspec

from lyceum.platform.cache import ByteCache
from lyceum.platform.database import Database
from lyceum.platform.limits import Limits
from lyceum.platform.listener import Listener
from lyceum.platform.mail import Mailer
from lyceum.platform.settings import Settings
from lyceum.platform.storage import Storage


class Engines(msgspec.Struct, frozen=True):
    """What stands behind one process, whichever product does the work."""

    settings: Settings
    database: Database
    cache: ByteCache
    storage: Storage
    mailer: Mailer
    limits: Limits | None
    listener: Listener
