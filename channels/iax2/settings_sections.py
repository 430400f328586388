"""Users and peers of iax.conf; a friend is one of each, made from the same lines."""

from __future__ import annotations

from pbx.channels.iax2 import values as v
from pbx.channels.iax2.acl import AccessList
from pbx.channels.iax2.address import IAX2_PORT
from pbx.channels.iax2.options import Effect, Option, Options
from pbx.channels.iax2.settings_common import (
    AMAFLAGS,
    CLEAR_TRUNK,
    CODEC_PRIORITIES,
    CONNECTED_LINE,
    NO_KEYROTATE,
    NOT_THERE,
    OWN_BUFFER,
    TRANSFERS,
    encryption_word,
    notransfer,
)
from pbx.codecs.formats import DEFAULT_FORMATS, Allowed

LATER = Effect.LATER
_INTERVAL = v.number(10, 86_400_000)
_MS = v.number(0, 10_000_000)

REQUIRE_TOKEN = {
    **dict.fromkeys(("yes", "true", "y", "t", "1", "on"), v.RequireCallToken.YES),
    **dict.fromkeys(("no", "false", "n", "f", "0", "off"), v.RequireCallToken.NO),
    "auto": v.RequireCallToken.AUTO,
}


def _by_loader(value: str, former: AccessList) -> AccessList:
    """permit, deny and acl need the line's place and acl.conf: `settings_load` reads them."""
    raise NotImplementedError


class _Common(Options):
    """What users and peers share."""

    __slots__ = ()

    # Logins
    auth = Option(
        v.auth_methods,
        v.AuthMethods.NONE,
        values="md5, rsa, plaintext; several with commas",
        help="Login methods that are asked for, or answered.",
        inherits=True,
        default_text="by what the section has",
    )
    md5secret = Option(
        v.text,
        "",
        values="32 hex digits",
        help="md5(user:asterisk:password) in place of the password.",
        differs="Asterisk does not read it. A plaintext login is compared with the digest; for a challenge the text of "
        "the digest is the shared secret.",
        secret=True,
    )
    dbsecret = Option(
        v.text,
        "",
        values="family/key",
        help="The secret stands in the astdb; `secret` does not count beside it.",
        differs="It is demanded of those who register, too; Asterisk lets them in without.",
    )
    inkeys = Option[tuple[str, ...]](
        None,
        (),
        names={"inkeys": v.colon_list, "inkey": v.colon_list},
        values="key names, `:` between",
        help="Public RSA keys of those who log in.",
        differs="Asterisk does not read `inkey`, and so lets anyone in; here it is `inkeys`, rsa is demanded, and a "
        "warning says so.",
    )
    access = Option(
        None,
        AccessList(),
        names=dict.fromkeys(("permit", "deny", "acl"), _by_loader),
        values="permit, deny: address[/mask], several with commas; acl: names of acl.conf",
        help="Who may come from where; the last rule that matches decides.",
    )
    requirecalltoken = Option(
        v.word(REQUIRE_TOKEN),
        v.RequireCallToken.DEFAULT,
        values="yes, no, auto",
        help="Whether a call token is demanded.",
    )
    encryption = Option(
        encryption_word,
        False,
        values="yes, aes128, no",
        help="Offer and take AES-128.",
        differs="`no` in a section counts against [general]'s `yes`; in Asterisk it does not.",
        inherits=True,
    )
    forceencryption = Option(
        encryption_word, False, values="yes, aes128, no", help="Refuse calls in the clear.", inherits=True
    )
    keyrotate = Option(
        v.yes_no,
        True,
        values="yes, no",
        help="New keys in encrypted calls.",
        differs=NO_KEYROTATE,
        inherits=True,
    )
    cleartrunk = Option(v.yes_no, True, values="yes, no", help=CLEAR_TRUNK, differs=NOT_THERE, inherits=True)

    # Media
    formats = Option(
        None,
        Allowed(DEFAULT_FORMATS),
        names={"allow": v.allow, "disallow": v.disallow},
        values="format names, all, !name",
        help="Formats in order of preference.",
        inherits=True,
        default_text="as [general]",
    )
    trunk = Option(v.yes_no, False, values="yes, no", help="Send voice of all calls in common datagrams.")
    jitterbuffer = Option(v.yes_no, False, values="yes, no", help="Smooth incoming voice.", inherits=True)
    maxjitterbuffer = Option(
        _MS, 1000, values="ms", help="Largest delay of the jitter buffer.", differs=OWN_BUFFER, inherits=True
    )
    resyncthreshold = Option(
        v.number(-1, 10_000_000),
        1000,
        values="ms, -1 = never",
        help="Change of delay that resets it.",
        differs=OWN_BUFFER,
        inherits=True,
    )
    maxjitterinterps = Option(
        _MS, 10, values="frames", help="Invented frames in a row.", differs=OWN_BUFFER, inherits=True
    )
    jittertargetextra = Option(
        _MS, 40, values="ms", help="Delay beyond the measured jitter.", differs=OWN_BUFFER, inherits=True
    )
    transfer = Option[v.Transfer | None](
        None,
        None,
        names={"transfer": v.word(TRANSFERS), "notransfer": notransfer},
        values="yes, no, mediaonly",
        help="Take ourselves out of bridged calls.",
        differs="Only where it is written for both ends; unwritten means no.",
        inherits=True,
    )

    # What calls get
    caller = Option(
        None,
        v.CallerID(),
        names={
            "callerid": v.callerid,
            "fullname": v.caller_name,
            "cid_name": v.caller_name,
            "cid_number": v.caller_number,
        },
        values='callerid: "Name" <number>; fullname, cid_number: text',
        help="Caller id of calls from here, whatever they say.",
    )
    language = Option(v.text, "", values="language", help="Language of prompts.", inherits=True)
    adsi = Option(
        v.yes_no, False, values="yes, no", help="A phone with ADSI; none are made.", effect=Effect.NEVER, inherits=True
    )
    mohinterpret = Option(
        v.text, "default", values="music class, passthrough", help="Music on hold to play.", inherits=True
    )
    mohsuggest = Option(v.text, "", values="music class", help="Music on hold to suggest.", inherits=True)
    parkinglot = Option(
        v.text,
        "",
        values="parking lot",
        help="CHANNEL(parkinglot) of calls.",
        differs="There is one lot so far.",
        inherits=True,
    )
    connectedline = Option(
        v.word(CONNECTED_LINE),
        v.ConnectedLine.NO,
        values="yes, no, send, receive",
        help="Connected line updates to and from the other end.",
        inherits=True,
    )
    immediate = Option(
        v.yes_no, False, values="yes, no", help="A call that would look numbers up enters `s` of its context at once."
    )


class User(_Common):
    """A section that calls come from (type=user or friend)."""

    __slots__ = ("is_friend",)
    is_friend: bool

    secrets = Option[tuple[str, ...]](
        None,
        (),
        names={"secret": v.split_secrets},
        values="text; several lines, or `\\;` between",
        help="Passwords: any of them will do.",
        secret=True,
    )
    contexts = Option[tuple[str, ...]](
        None,
        (),
        names={"context": v.more},
        values="context, `*` = any; several lines",
        help="Contexts that may be called; the first is the default.",
        default_text="default",
    )
    accountcode = Option(v.text, "", values="text", help="Account code of calls.", inherits=True)
    amaflags = Option(
        v.word(AMAFLAGS),
        "documentation",
        values=", ".join(AMAFLAGS),
        help="AMA flags of calls.",
        inherits=True,
    )
    codecpriority = Option(
        v.word(CODEC_PRIORITIES),
        v.CodecPriority.HOST,
        values="host, caller, disabled, reqonly",
        help="Whose order of formats counts for an incoming call.",
        inherits=True,
    )
    maxauthreq = Option(
        v.number(0, 32767), 3, values="number, 0 = any", help="Unanswered login requests.", inherits=True
    )
    variables = Option[tuple[tuple[str, str], ...]](
        None, (), names={"setvar": v.variable}, values="NAME=value; several lines", help="Channel variables of calls."
    )

    @property
    def needs_login(self) -> bool:
        """Whether a caller must prove who he is: any secret or key is there. Without, all are let in (as `[guest]`)."""
        return bool(self.secrets or self.md5secret or self.dbsecret or self.inkeys)

    @property
    def methods(self) -> v.AuthMethods:
        """The login methods that are offered (`_methods`)."""
        return _methods(self, bool(self.secrets or self.md5secret or self.dbsecret))

    @property
    def context(self) -> str:
        """The context of calls that name none."""
        return self.contexts[0] if self.contexts else "default"


def _methods(section: _Common, secret: bool) -> v.AuthMethods:
    """`auth` (also that of [general]); unwritten it is rsa where there are inkeys, md5 where there is a secret, both
    for both, and md5 for none: as Asterisk 22 does."""
    if section.auth:
        return section.auth
    if section.inkeys:
        return v.AuthMethods.RSA | (v.AuthMethods.MD5 if secret else v.AuthMethods.NONE)
    return v.AuthMethods.MD5


class Peer(_Common):
    """A section that is called and that registers (type=peer or friend)."""

    __slots__ = ("is_friend",)
    is_friend: bool

    # Where it is
    host = Option(v.text, "", values="dynamic, address, name", help="Where it is; dynamic: it registers.")
    port = Option(v.number(1, 65535), IAX2_PORT, values="1-65535", help="Its UDP port.")
    defaultip = Option(v.text, "", values="address", help="Where it is before it registers.")
    mask = Option(v.text, "", values="netmask", help="Shown with a static host.")
    sourceaddress = Option(v.text, "", values="address[:port]", help="Own address to call it from.")
    description = Option(v.text, "", values="text", help="Shown by iax2 show peers.")

    # Logins
    username = Option(v.text, "", values="name", help="What to call ourselves there.")
    secret = Option(v.text, "", values="text", help="Password; of several lines the last counts.", secret=True)
    outkey = Option(v.text, "", values="key name", help="Private RSA key to log in with.")
    maxcallnumbers = Option(
        v.number(0, 32766), 0, values="1-32766", help="Call numbers for its address, once it has registered."
    )

    # Calls to it
    context = Option(v.text, "", values="context", help="As of the user; shown with the peer.")
    peercontext = Option(v.text, "", values="context", help="Context to ask for there.")
    sendani = Option(v.yes_no, False, values="yes, no", help="Send the billing number.")
    timezone = Option(v.text, "", values="zone name", help="Time zone of the date and time sent.")

    # When it registers
    regexten = Option(v.text, "", values="extensions, & between", help="Extensions in regcontext.")
    mailbox = Option(v.text, "", values="box@context", help="Mailbox to tell the messages of.")

    # Is it alive?
    qualify = Option(v.milliseconds, 0, values="yes, no, ms", help="Ask for life; slower answers are LAGGED.")
    qualifysmoothing = Option(v.yes_no, False, values="yes, no", help="Judge by the mean of two answers.")
    qualifyfreqok = Option(_INTERVAL, 60_000, values="ms", help="How often to ask one that is well.")
    qualifyfreqnotok = Option(_INTERVAL, 10_000, values="ms", help="How often to ask one that is not.")

    @property
    def dynamic(self) -> bool:
        """Whether it registers with us (host=dynamic)."""
        return self.host.lower() == "dynamic"

    @property
    def static_ip(self) -> str:
        """The literal address of `host=`, else ""."""
        return self.host if v.is_ip(self.host) else ""

    @property
    def needs_login(self) -> bool:
        """Whether it must prove who it is to register."""
        return bool(self.secret or self.md5secret or self.dbsecret or self.inkeys)

    @property
    def methods(self) -> v.AuthMethods:
        """The login methods that are offered to it when it registers, and used towards it (`_methods`)."""
        return _methods(self, bool(self.secret or self.md5secret or self.dbsecret))
