"""What the process that serves requests hands to the audit trail: what it has refused."""

from lyceum.audit.service.recording import Refusal as Refusal
from lyceum.audit.service.refusals import RefusalLog as RefusalLog
