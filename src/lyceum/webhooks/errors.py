"""What can go wrong with webhooks that is nobody's bug."""

from lyceum.platform import errors


class TooManyWebhooks(errors.Fact):
    """An account has as many endpoints as it may have."""

    status, code, title = 409, 6901, "There are too many webhooks"


class WebhookDisabled(errors.Fact):
    """Nothing is sent to an endpoint that is switched off."""

    status, code, title = 409, 6902, "The webhook is switched off"
