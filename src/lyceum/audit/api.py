"""What the process that serves requests hands to the audit trail: what it has refused, and which
records of people it has shown."""

from lyceum.audit.records import RecordRead as RecordRead
from lyceum.audit.records import Refusal as Refusal
from lyceum.audit.service.request_log import RequestLog as RequestLog
