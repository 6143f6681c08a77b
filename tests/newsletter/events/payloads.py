"""Posts of each provider as its documentation shows them, with the values that a test wants.

`POSTS` holds, for each provider and each meaning, a function that makes the body. `post` adds what
proves who sends it.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from newsletter.models import EventKind as Kind

BASIC = "paperboy:a-long-password-for-webhooks"
SECRET = "a-signing-secret-of-the-tests"
MANDRILL_URL = "http://testserver/anymail/mandrill/tracking/"
POSTAL_KEY = rsa.generate_private_key(public_exponent=65537, key_size=1024)
SENDGRID_KEY = ec.generate_private_key(ec.SECP256R1())
AT = 1768400000  # 2026-01-14 14:13:20 UTC
AT_TEXT = "2026-01-14T14:13:20Z"


def _pem(key: Any) -> str:
    text = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return "".join(text.decode().splitlines()[1:-1])


ANYMAIL = {
    "WEBHOOK_SECRET": BASIC,
    "MAILERSEND_SIGNING_SECRET": SECRET,
    "MAILGUN_WEBHOOK_SIGNING_KEY": SECRET,
    "MAILTRAP_TRACKING_SECRET": SECRET,
    "MANDRILL_WEBHOOK_KEY": SECRET,
    "MANDRILL_WEBHOOK_URL": MANDRILL_URL,
    "POSTAL_WEBHOOK_KEY": _pem(POSTAL_KEY),
    "SENDGRID_TRACKING_WEBHOOK_VERIFICATION_KEY": _pem(SENDGRID_KEY),
    "UNISENDER_GO_API_KEY": SECRET,
}
"""Everything set, as for an instance that changes providers."""

Body = dict[str, Any] | list[Any]
Make = Callable[[str, int, int], Body]
"""Makes a body from recipient, delivery and edition."""


def _ses(kind: str, **details: Any) -> Make:
    def make(to: str, delivery: int, edition: int) -> Body:
        about = {key: _for(value, to) for key, value in details.items()}
        return {
            "eventType": kind,
            kind.lower(): about,
            "mail": {
                "timestamp": AT_TEXT,
                "messageId": "EXAMPLE7c191be45-e9aedb9a",
                "source": "daily@paperboy.example.org",
                "destination": [to],
                "headers": [
                    {"name": "From", "value": "Paperboy <daily@paperboy.example.org>"},
                    {"name": "X-Metadata", "value": json.dumps({"delivery": str(delivery)})},
                    {"name": "X-Tag", "value": f"edition-{edition}"},
                ],
            },
        }

    return make


def _for(value: Any, to: str) -> Any:
    """Put the recipient where a payload has a star."""
    if isinstance(value, dict):
        return {key: _for(inner, to) for key, inner in value.items()}
    if isinstance(value, list):
        return [_for(inner, to) for inner in value]
    return value.replace("*", to) if isinstance(value, str) else value


def _ses_bounce(bounce_type: str, status: str, said: str) -> Make:
    bounced = {"emailAddress": "*", "action": "failed", "status": status, "diagnosticCode": said}
    return _ses(
        "Bounce", bounceType=bounce_type, bounceSubType="General", bouncedRecipients=[bounced]
    )


def _brevo(event: str, **details: Any) -> Make:
    return lambda to, delivery, edition: {
        "event": event,
        "email": to,
        "id": 26224,
        "date": "2026-01-14 15:13:20",
        "ts": AT,
        "message-id": "<202601141413.60798956108@smtp-relay.mailin.fr>",
        "ts_event": AT,
        "ts_epoch": AT * 1000,
        "subject": "Your papers",
        "X-Mailin-custom": json.dumps({"delivery": str(delivery)}),
        "tags": [f"edition-{edition}"],
        "sending_ip": "192.0.2.1",
        **details,
    }


def _mailersend(event: str, **morph: Any) -> Make:
    return lambda to, _delivery, edition: {
        "type": f"activity.{event}",
        "domain_id": "yv69oxl5kl785kw2",
        "created_at": AT_TEXT,
        "data": {
            "object": "activity",
            "id": "62f114f8165fe0d8db0288e3",
            "type": event,
            "created_at": AT_TEXT,
            "email": {
                "object": "email",
                "id": "62f114f7165fe0d8db0288e1",
                "status": "rejected",
                "tags": [f"edition-{edition}"],
                "message": {"object": "message", "id": "62fb66bef54a112e920b5493"},
                "recipient": {"object": "recipient", "email": to},
            },
            "morph": morph or None,
        },
    }


def _mailgun(event: str, **details: Any) -> Make:
    return lambda to, delivery, edition: {
        "event-data": {
            "event": event,
            "id": "G9Bn5sl1TC6nu79C8C0bwg",
            "timestamp": AT + 0.5,
            "log-level": "info",
            "recipient": to,
            "recipient-domain": to.rpartition("@")[2],
            "tags": [f"edition-{edition}"],
            "user-variables": {"delivery": str(delivery)},
            "message": {"headers": {"to": to, "message-id": "20260114141320.1@example.org"}},
            **details,
        }
    }


def _mailjet(event: str, **details: Any) -> Make:
    return lambda to, delivery, edition: [
        {
            "event": event,
            "time": AT,
            "MessageID": 13792286917004336,
            "Message_GUID": "0b8a3d7a-8c2f-4d9b-8a0e-6b1f2a9d1c11",
            "email": to,
            "mj_campaign_id": 0,
            "mj_contact_id": 0,
            "customcampaign": f"edition-{edition}",
            "CustomID": "",
            "Payload": json.dumps({"delivery": str(delivery)}),
            **details,
        }
    ]


def _mailtrap(event: str, **details: Any) -> Make:
    return lambda to, delivery, edition: {
        "events": [
            {
                "event": event,
                "message_id": "1df37d17-0286-4d8b-8edf-bc4ec5be86e6",
                "sending_stream": "bulk",
                "email": to,
                "timestamp": AT,
                "event_id": "bede7236-2284-43d6-a953-1fdcafd0fdbc",
                "category": f"edition-{edition}",
                "custom_variables": {"delivery": str(delivery)},
                **details,
            }
        ]
    }


def _mandrill(event: str, **message: Any) -> Make:
    return lambda to, delivery, edition: [
        {
            "event": event,
            "_id": "exampleaaaaaaaaaaaaaaaaaaaaaaaaa2",
            "ts": AT,
            "msg": {
                "ts": AT,
                "_id": "exampleaaaaaaaaaaaaaaaaaaaaaaaaa2",
                "subject": "Your papers",
                "email": to,
                "sender": "daily@paperboy.example.org",
                "state": "sent",
                "tags": [f"edition-{edition}"],
                "metadata": {"delivery": str(delivery)},
                **message,
            },
        }
    ]


def _postal(event: str, **payload: Any) -> Make:
    def make(to: str, _delivery: int, edition: int) -> Body:
        message = {
            "id": 12345,
            "token": "abcdef123",
            "direction": "outgoing",
            "message_id": "5817a64332f44_4ec93ff59e79d154565eb@app.mail",
            "to": to,
            "from": "daily@paperboy.example.org",
            "subject": "Your papers",
            "timestamp": float(AT),
            "spam_status": "NotSpam",
            "tag": f"edition-{edition}",
        }
        named = "original_message" if "bounce" in payload else "message"
        return {
            "event": event,
            "timestamp": float(AT),
            "payload": {named: message, **payload},
            "uuid": "0fcc8ad0-1e3d-4a3f-9c2d-6f4a8b1d2e3f",
        }

    return make


def _postmark(record: str, **details: Any) -> Make:
    return lambda to, delivery, edition: {
        "RecordType": record,
        "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
        "ServerID": 23,
        "MessageStream": "broadcast",
        "Tag": f"edition-{edition}",
        "Email" if record in ("Bounce", "SpamComplaint") else "Recipient": to,
        "Metadata": {"delivery": str(delivery)},
        **details,
    }


def _postmark_bounce(kind: str, code: int, said: str) -> Make:
    return _postmark(
        "Bounce", ID=4323372036854775807, Type=kind, TypeCode=code, Details=said, BouncedAt=AT_TEXT
    )


def _resend(event: str, **data: Any) -> Make:
    return lambda to, delivery, edition: {
        "type": event,
        "created_at": "2026-01-14T14:13:20.000Z",
        "data": {
            "created_at": "2026-01-14T14:13:00.000Z",
            "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
            "from": "Paperboy <daily@paperboy.example.org>",
            "to": [to],
            "subject": "Your papers",
            "headers": [
                {"name": "X-Metadata", "value": json.dumps({"delivery": str(delivery)})},
                {"name": "X-Tags", "value": json.dumps([f"edition-{edition}"])},
            ],
            **data,
        },
    }


def _sendgrid(event: str, **details: Any) -> Make:
    return lambda to, delivery, edition: [
        {
            "email": to,
            "timestamp": AT,
            "smtp-id": "<14c5d75ce93.dfd.64b469@ismtpd-555>",
            "event": event,
            "category": [f"edition-{edition}"],
            "sg_event_id": "6g4ZI7SA-xmRDv57GoPIPw==",
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
            "delivery": str(delivery),
            **details,
        }
    ]


def _sparkpost(event: str, group: str = "message_event", **details: Any) -> Make:
    return lambda to, delivery, edition: [
        {
            "msys": {
                group: {
                    "type": event,
                    "event_id": "92356927693813856",
                    "timestamp": str(AT),
                    "transmission_id": "65832150921904138",
                    "raw_rcpt_to": to,
                    "rcpt_to": to.lower(),
                    "rcpt_meta": {"delivery": str(delivery)},
                    "campaign_id": f"edition-{edition}",
                    **details,
                }
            }
        }
    ]


def _unisender(status: str, **info: Any) -> Make:
    return lambda to, delivery, _edition: {
        "auth": SECRET,
        "events_by_user": [
            {
                "user_id": 456,
                "project_id": "6432890213745872",
                "events": [
                    {
                        "event_name": "transactional_email_status",
                        "event_data": {
                            "job_id": "1a3Q2V-0000OZ-S0",
                            "metadata": {"delivery": str(delivery)},
                            "email": to,
                            "status": status,
                            "event_time": "2026-01-14 14:13:20",
                            "delivery_info": info,
                        },
                    }
                ],
            }
        ],
    }


NO_SUCH_USER = "smtp; 550 5.1.1 <*>: Recipient address rejected: User unknown"
FULL = "552 5.2.2 The mailbox is over its quota"
DMARC = "550 5.7.26 Unauthenticated email is not accepted due to the domain's DMARC policy"

POSTS: dict[str, dict[str, tuple[Make, Kind]]] = {
    "amazon_ses": {
        "hard": (_ses_bounce("Permanent", "5.1.1", NO_SUCH_USER), Kind.HARD_BOUNCE),
        "soft": (_ses_bounce("Transient", "4.4.7", "expired"), Kind.SOFT_BOUNCE),
        "undetermined": (_ses_bounce("Undetermined", "", "unknown"), Kind.SOFT_BOUNCE),
        "wrong label": (_ses_bounce("Transient", "5.1.1", NO_SUCH_USER), Kind.HARD_BOUNCE),
        "policy": (_ses_bounce("Permanent", "5.7.26", DMARC), Kind.BLOCKED),
        "complaint": (
            _ses(
                "Complaint",
                complainedRecipients=[{"emailAddress": "*"}],
                complaintFeedbackType="abuse",
            ),
            Kind.COMPLAINED,
        ),
        "not spam": (
            _ses(
                "Complaint",
                complainedRecipients=[{"emailAddress": "*"}],
                complaintFeedbackType="not-spam",
            ),
            Kind.NOT_SPAM,
        ),
        "delivered": (
            _ses("Delivery", recipients=["*"], smtpResponse="250 2.6.0 accepted"),
            Kind.DELIVERED,
        ),
        "sent": (_ses("Send"), Kind.ACCEPTED),
        "refused": (_ses("Reject", reason="Bad content"), Kind.REFUSED),
        "new": (_ses("Hiccup"), Kind.UNKNOWN),
    },
    "brevo": {
        "hard": (_brevo("hard_bounce", reason=NO_SUCH_USER), Kind.HARD_BOUNCE),
        "soft": (_brevo("soft_bounce", reason=FULL), Kind.SOFT_BOUNCE),
        "invalid": (_brevo("invalid_email"), Kind.HARD_BOUNCE),
        "refused": (_brevo("blocked"), Kind.REFUSED),
        "policy": (_brevo("hard_bounce", reason=DMARC), Kind.BLOCKED),
        "complaint": (_brevo("spam"), Kind.COMPLAINED),
        "deferred": (_brevo("deferred", reason="greylisted"), Kind.DEFERRED),
        "delivered": (_brevo("delivered"), Kind.DELIVERED),
        "unsubscribed": (_brevo("unsubscribed"), Kind.UNSUBSCRIBED),
        "sent": (_brevo("request"), Kind.ACCEPTED),
        "subscribed": (_brevo("list_addition"), Kind.SUBSCRIBED),
        "opened": (_brevo("unique_proxy_open"), Kind.OPENED),
    },
    "mailersend": {
        "hard": (
            _mailersend("hard_bounced", object="recipient_bounce", reason=NO_SUCH_USER),
            Kind.HARD_BOUNCE,
        ),
        "soft": (
            _mailersend("soft_bounced", object="recipient_bounce", reason="451 try again"),
            Kind.SOFT_BOUNCE,
        ),
        "complaint": (_mailersend("spam_complaint", object="spam_complaint"), Kind.COMPLAINED),
        "delivered": (_mailersend("delivered"), Kind.DELIVERED),
        "unsubscribed": (
            _mailersend("unsubscribed", object="recipient_unsubscribe"),
            Kind.UNSUBSCRIBED,
        ),
        "sent": (_mailersend("sent"), Kind.ACCEPTED),
    },
    "mailgun": {
        "hard": (
            _mailgun(
                "failed",
                severity="permanent",
                reason="bounce",
                **{"delivery-status": {"code": 550, "message": NO_SUCH_USER}},
            ),
            Kind.HARD_BOUNCE,
        ),
        "deferred": (
            _mailgun(
                "failed",
                severity="temporary",
                reason="generic",
                **{"delivery-status": {"code": 421, "message": "4.7.0 try later"}},
            ),
            Kind.DEFERRED,
        ),
        "policy": (
            _mailgun(
                "failed",
                severity="permanent",
                reason="generic",
                **{
                    "delivery-status": {
                        "code": 550,
                        "enhanced-code": "5.7.1",
                        "message": "rejected",
                    }
                },
            ),
            Kind.BLOCKED,
        ),
        "known": (
            _mailgun("failed", severity="permanent", reason="suppress-bounce"),
            Kind.HARD_BOUNCE,
        ),
        "left there": (
            _mailgun("failed", severity="permanent", reason="suppress-unsubscribe"),
            Kind.UNSUBSCRIBED,
        ),
        "complained there": (
            _mailgun("failed", severity="permanent", reason="suppress-complaint"),
            Kind.REFUSED,
        ),
        "complaint": (_mailgun("complained"), Kind.COMPLAINED),
        "delivered": (
            _mailgun("delivered", **{"delivery-status": {"code": 250, "message": "OK"}}),
            Kind.DELIVERED,
        ),
        "unsubscribed": (_mailgun("unsubscribed"), Kind.UNSUBSCRIBED),
        "refused": (_mailgun("rejected", reject={"reason": "spam"}), Kind.REFUSED),
        "clicked": (_mailgun("clicked", url="https://example.org/"), Kind.CLICKED),
    },
    "mailjet": {
        "hard": (
            _mailjet("bounce", hard_bounce=True, blocked=True, error="user unknown"),
            Kind.HARD_BOUNCE,
        ),
        "soft": (
            _mailjet("bounce", hard_bounce=False, blocked=False, error="quota exceeded"),
            Kind.SOFT_BOUNCE,
        ),
        "policy": (
            _mailjet("bounce", hard_bounce=True, blocked=False, error="policy issue"),
            Kind.BLOCKED,
        ),
        "refused": (_mailjet("blocked", error="preblocked"), Kind.REFUSED),
        "complaint": (_mailjet("spam", source="JMRPP"), Kind.COMPLAINED),
        "delivered": (_mailjet("sent", smtp_reply="250 OK"), Kind.DELIVERED),
        "unsubscribed": (_mailjet("unsub"), Kind.UNSUBSCRIBED),
    },
    "mailtrap": {
        "hard": (_mailtrap("bounce", response=NO_SUCH_USER), Kind.HARD_BOUNCE),
        "soft": (_mailtrap("soft bounce", response=FULL), Kind.SOFT_BOUNCE),
        "refused": (_mailtrap("reject", reason="unsubscribed"), Kind.REFUSED),
        "complaint": (_mailtrap("spam"), Kind.COMPLAINED),
        "delivered": (_mailtrap("delivery"), Kind.DELIVERED),
        "deferred": (_mailtrap("suspension", reason="paused"), Kind.DEFERRED),
        "unsubscribed": (_mailtrap("unsubscribe"), Kind.UNSUBSCRIBED),
    },
    "mandrill": {
        "hard": (
            _mandrill("hard_bounce", diag=NO_SUCH_USER, bounce_description="bad_mailbox"),
            Kind.HARD_BOUNCE,
        ),
        "soft": (
            _mandrill("soft_bounce", diag=FULL, bounce_description="mailbox_full"),
            Kind.SOFT_BOUNCE,
        ),
        "refused": (_mandrill("reject"), Kind.REFUSED),
        "complaint": (_mandrill("spam"), Kind.COMPLAINED),
        "delivered": (_mandrill("send"), Kind.ACCEPTED),
        "deferred": (_mandrill("deferral"), Kind.DEFERRED),
        "unsubscribed": (_mandrill("unsub"), Kind.UNSUBSCRIBED),
    },
    "postal": {
        "hard": (
            _postal("MessageBounced", bounce={"id": 2, "subject": "Undelivered"}),
            Kind.HARD_BOUNCE,
        ),
        "failed": (
            _postal("MessageDeliveryFailed", status="HardFail", output=NO_SUCH_USER),
            Kind.HARD_BOUNCE,
        ),
        "policy": (
            _postal("MessageDeliveryFailed", status="HardFail", output=DMARC),
            Kind.BLOCKED,
        ),
        "deferred": (
            _postal("MessageDelayed", status="SoftFail", output="450 4.2.1 later"),
            Kind.DEFERRED,
        ),
        "delivered": (
            _postal("MessageSent", status="Sent", output="250 2.0.0 OK"),
            Kind.DELIVERED,
        ),
    },
    "postmark": {
        "hard": (_postmark_bounce("HardBounce", 1, NO_SUCH_USER), Kind.HARD_BOUNCE),
        "soft": (_postmark_bounce("SoftBounce", 4096, FULL), Kind.SOFT_BOUNCE),
        "invalid": (_postmark_bounce("BadEmailAddress", 100000, ""), Kind.HARD_BOUNCE),
        "policy": (_postmark_bounce("DMARCPolicy", 100009, DMARC), Kind.BLOCKED),
        "blocked": (_postmark_bounce("Blocked", 100006, "ISP block"), Kind.BLOCKED),
        "refused": (_postmark_bounce("ManuallyDeactivated", 100002, ""), Kind.REFUSED),
        "deferred": (_postmark_bounce("Transient", 2, "451 later"), Kind.DEFERRED),
        "complaint": (
            _postmark("SpamComplaint", ID=42, Type="SpamComplaint", BouncedAt=AT_TEXT),
            Kind.COMPLAINED,
        ),
        "delivered": (_postmark("Delivery", DeliveredAt=AT_TEXT), Kind.DELIVERED),
        "unsubscribed": (
            _postmark(
                "SubscriptionChange",
                ChangedAt=AT_TEXT,
                SuppressSending=True,
                SuppressionReason="ManualSuppression",
            ),
            Kind.UNSUBSCRIBED,
        ),
        "subscribed": (
            _postmark("SubscriptionChange", ChangedAt=AT_TEXT, SuppressSending=False),
            Kind.SUBSCRIBED,
        ),
        "opened": (_postmark("Open", ReceivedAt=AT_TEXT, UserAgent="x"), Kind.OPENED),
        "auto reply": (_postmark_bounce("AutoResponder", 32, "away"), Kind.UNKNOWN),
    },
    "resend": {
        "hard": (
            _resend(
                "email.bounced",
                bounce={"type": "Permanent", "subType": "General", "message": NO_SUCH_USER},
            ),
            Kind.HARD_BOUNCE,
        ),
        "soft": (
            _resend(
                "email.bounced",
                bounce={"type": "Transient", "subType": "MailboxFull", "message": "inbox full"},
            ),
            Kind.SOFT_BOUNCE,
        ),
        "refused": (
            _resend("email.failed", failed={"reason": "reached_daily_quota"}),
            Kind.REFUSED,
        ),
        "complaint": (_resend("email.complained"), Kind.COMPLAINED),
        "delivered": (_resend("email.delivered"), Kind.DELIVERED),
        "deferred": (_resend("email.delivery_delayed"), Kind.DEFERRED),
        "sent": (_resend("email.sent"), Kind.ACCEPTED),
    },
    "sendgrid": {
        "hard": (
            _sendgrid("bounce", type="bounce", status="5.1.1", reason=NO_SUCH_USER),
            Kind.HARD_BOUNCE,
        ),
        "policy": (
            _sendgrid("bounce", type="blocked", status="5.7.1", reason="spam"),
            Kind.BLOCKED,
        ),
        "full": (
            _sendgrid("bounce", type="bounce", status="5.2.2", reason=FULL),
            Kind.SOFT_BOUNCE,
        ),
        "reputation": (
            _sendgrid("bounce", type="bounce", bounce_classification="Reputation", reason="no"),
            Kind.BLOCKED,
        ),
        "known": (_sendgrid("dropped", reason="Bounced Address"), Kind.HARD_BOUNCE),
        "left there": (_sendgrid("dropped", reason="Unsubscribed Address"), Kind.UNSUBSCRIBED),
        "refused": (_sendgrid("dropped", reason="Spam Reporting Address"), Kind.REFUSED),
        "complaint": (_sendgrid("spamreport"), Kind.COMPLAINED),
        "delivered": (_sendgrid("delivered", response="250 OK"), Kind.DELIVERED),
        "deferred": (_sendgrid("deferred", response="400 try again"), Kind.DEFERRED),
        "unsubscribed": (_sendgrid("group_unsubscribe", asm_group_id=10), Kind.UNSUBSCRIBED),
        "subscribed": (_sendgrid("group_resubscribe", asm_group_id=10), Kind.SUBSCRIBED),
        "sent": (_sendgrid("processed"), Kind.ACCEPTED),
    },
    "sparkpost": {
        "hard": (
            _sparkpost("bounce", bounce_class="10", raw_reason=NO_SUCH_USER),
            Kind.HARD_BOUNCE,
        ),
        "soft": (_sparkpost("bounce", bounce_class="22", raw_reason=FULL), Kind.SOFT_BOUNCE),
        "policy": (_sparkpost("bounce", bounce_class="50", raw_reason="blocked"), Kind.BLOCKED),
        "late": (_sparkpost("out_of_band", bounce_class="30", raw_reason="no"), Kind.HARD_BOUNCE),
        "complaint": (_sparkpost("spam_complaint", fbtype="abuse"), Kind.COMPLAINED),
        "not spam": (_sparkpost("spam_complaint", fbtype="not-spam"), Kind.NOT_SPAM),
        "refused": (_sparkpost("policy_rejection", raw_reason="no"), Kind.REFUSED),
        "delivered": (_sparkpost("delivery"), Kind.DELIVERED),
        "deferred": (_sparkpost("delay", raw_reason="later"), Kind.DEFERRED),
        "unsubscribed": (_sparkpost("link_unsubscribe", "unsubscribe_event"), Kind.UNSUBSCRIBED),
    },
    "unisender_go": {
        "hard": (
            _unisender("hard_bounced", delivery_status="err_user_unknown"),
            Kind.HARD_BOUNCE,
        ),
        "soft": (
            _unisender("soft_bounced", delivery_status="err_mailbox_full"),
            Kind.SOFT_BOUNCE,
        ),
        "policy": (
            _unisender("hard_bounced", delivery_status="err_spam_rejected"),
            Kind.BLOCKED,
        ),
        "deferred": (
            _unisender("soft_bounced", delivery_status="err_will_retry"),
            Kind.DEFERRED,
        ),
        "complaint": (_unisender("spam"), Kind.COMPLAINED),
        "delivered": (_unisender("delivered"), Kind.DELIVERED),
        "unsubscribed": (_unisender("unsubscribed"), Kind.UNSUBSCRIBED),
    },
}


def whole(provider: str, body: Body) -> bytes:
    """Return what the provider posts: the body in its envelope, as bytes."""
    if provider == "amazon_ses":
        body = {
            "Type": "Notification",
            "MessageId": "ee8e4e7f-1d0c-5e4f-9d9f-1d2c3b4a5968",
            "TopicArn": "arn:aws:sns:eu-west-1:123456789012:ses-events",
            "Message": json.dumps(body),
            "Timestamp": AT_TEXT,
        }
    if provider == "mailgun":
        signed = hmac.new(SECRET.encode(), f"{AT}token-1".encode(), hashlib.sha256).hexdigest()
        signature = {"timestamp": str(AT), "token": "token-1", "signature": signed}
        body = {"signature": signature, **body}
    if provider == "mandrill":
        return urlencode({"mandrill_events": json.dumps(body)}).encode()
    content = json.dumps(body).encode()
    if provider == "unisender_go":
        return content.replace(SECRET.encode(), hashlib.md5(content).hexdigest().encode())
    return content


def proofs(provider: str, content: bytes) -> dict[str, str]:
    """Return the headers that prove who posts."""
    headers = {"Authorization": f"Basic {base64.b64encode(BASIC.encode()).decode()}"}
    signed = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    if provider == "amazon_ses":
        headers["x-amz-sns-message-type"] = "Notification"
        headers["x-amz-sns-message-id"] = "ee8e4e7f-1d0c-5e4f-9d9f-1d2c3b4a5968"
    if provider == "mailersend":
        headers["Signature"] = signed
    if provider == "mailtrap":
        headers["Mailtrap-Signature"] = signed
    if provider == "mandrill":
        field = parse_qs(content.decode())["mandrill_events"][0]
        message = f"{MANDRILL_URL}mandrill_events{field}".encode()
        digest = hmac.new(SECRET.encode(), message, hashlib.sha1).digest()
        headers["X-Mandrill-Signature"] = base64.b64encode(digest).decode()
    if provider == "postal":
        signature = POSTAL_KEY.sign(content, padding.PKCS1v15(), hashes.SHA1())
        headers["X-Postal-Signature"] = base64.b64encode(signature).decode()
    if provider == "sendgrid":
        signature = SENDGRID_KEY.sign(f"{AT}".encode() + content, ec.ECDSA(hashes.SHA256()))
        headers["X-Twilio-Email-Event-Webhook-Signature"] = base64.b64encode(signature).decode()
        headers["X-Twilio-Email-Event-Webhook-Timestamp"] = str(AT)
    return headers


def post(client, provider: str, body: Body, *, headers: dict[str, str] | None = None):
    """Post a body as its provider does; `headers` replace the proofs."""
    content = whole(provider, body)
    form = "application/x-www-form-urlencoded" if provider == "mandrill" else "application/json"
    return client.post(
        f"/anymail/{provider}/tracking/",
        content,
        content_type=form,
        headers=proofs(provider, content) if headers is None else headers,
    )
