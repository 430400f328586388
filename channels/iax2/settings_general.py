"""[general] of iax.conf."""

from __future__ import annotations

from pbx.channels.iax2 import values as v
from pbx.channels.iax2.acl import Network
from pbx.channels.iax2.address import IAX2_PORT
from pbx.channels.iax2.options import Effect, Option, Options
from pbx.channels.iax2.settings_common import (
    AMAFLAGS,
    CLEAR_TRUNK,
    CODEC_PRIORITIES,
    CONNECTED_LINE,
    NO_KEYROTATE,
    NOT_THERE,
    TRANSFERS,
    encryption_word,
    notransfer,
)
from pbx.channels.iax2.settings_networks import more_networks
from pbx.channels.iax2.settings_readers import bind_address, cos, tos
from pbx.codecs.formats import DEFAULT_FORMATS, Allowed

LATER = Effect.LATER
NEVER = Effect.NEVER
MS = v.number(0, 10_000_000)
SECONDS = v.number(0, 10_000_000)


class General(Options):
    """[general]: the options that stand there, and the defaults of users and peers."""

    __slots__ = ()

    # Listening
    bindport = Option(v.number(1, 65535), IAX2_PORT, values="1-65535", help="UDP port to listen on.")
    bindaddr = Option[tuple[v.BindAddress, ...]](
        bind_address,
        (),
        values="address[:port], [v6][:port]; several lines",
        help="Addresses to listen on; the first is the one to call from.",
        default_text="0.0.0.0",
    )
    nochecksums = Option(v.yes_no, False, values="yes, no", help="No UDP checksums over IPv4.")
    tos = Option(tos, 0, values="a DSCP name or number", help="IP type of service of what is sent.")
    cos = Option(cos, 0, values="0-7", help="Ethernet priority of what is sent.")
    iaxthreadcount = Option(v.number(1, 256), 10, values="number", help="Threads of Asterisk.", effect=NEVER)
    iaxmaxthreadcount = Option(v.number(0, 256), 100, values="number", help="Threads of Asterisk.", effect=NEVER)
    iaxcompat = Option(v.yes_no, False, values="yes, no", help="A thread for each DPREQ in Asterisk.", effect=NEVER)
    srvlookup = Option(v.yes_no, False, values="yes, no", help="Look up SRV records (_iax._udp) of hosts.")
    subscribe_network_change_event = Option(
        v.yes_no,
        True,
        values="yes, no",
        help="Register anew when the network changes.",
        differs="The kernel tells; Asterisk needs res_stun_monitor for it.",
    )

    # Logins
    auth = Option(
        v.auth_methods,
        v.AuthMethods.NONE,
        values="md5, rsa, plaintext; several with commas",
        help="Login methods of users and peers that say none.",
        default_text="by what the section has",
    )
    delayreject = Option(v.yes_no, False, values="yes, no", help="Answer a failed login only after a second.")
    authdebug = Option(
        v.yes_no,
        True,
        values="yes, no",
        help="Log refused logins and registrations.",
        differs="Security events, and `iax2 why`, have them in any case.",
    )
    maxauthreq = Option(v.number(0, 32767), 3, values="number, 0 = any", help="Unanswered login requests of a user.")
    calltokenoptional = Option[tuple[Network, ...]](
        more_networks, (), values="address[/mask]; several lines", help="Who may call without a call token."
    )
    calltokenexpiration = Option(v.number(1, 3600), 10, values="seconds", help="How long a call token is good.")
    maxcallnumbers = Option(v.number(1, 32766), 2048, values="1-32766", help="Call numbers one address may hold.")
    maxcallnumbers_nonvalidated = Option(
        v.number(1, 32766), 8192, values="1-32766", help="Call numbers given without a call token, in all."
    )
    encryption = Option(encryption_word, False, values="yes, aes128, no", help="Offer and take AES-128.")
    forceencryption = Option(encryption_word, False, values="yes, aes128, no", help="Refuse calls in the clear.")
    keyrotate = Option(v.yes_no, True, values="yes, no", help="New keys in encrypted calls.", differs=NO_KEYROTATE)
    cleartrunk = Option(v.yes_no, True, values="yes, no", help=CLEAR_TRUNK, differs=NOT_THERE)

    # Registration
    minregexpire = Option(SECONDS, 60, values="seconds", help="Shortest registration granted.")
    maxregexpire = Option(SECONDS, 60, values="seconds", help="Longest registration granted.")
    regcontext = Option(v.text, "", values="context; several with &", help="Context of extensions of the registered.")
    keepalive = Option(
        v.number(0, 3600),
        25,
        values="seconds, 0 = never",
        help="How often hosts that we register to, and dynamic peers, hear from us.",
        differs="Asterisk does not know it.",
    )

    # Timers
    pingtime = Option(v.number(1, 3600), 21, values="seconds", help="How often a call's other end is asked for life.")
    lagrqtime = Option(v.number(1, 3600), 10, values="seconds", help="How often the round trip of a call is measured.")
    autokill = Option(
        v.milliseconds, 0, values="yes, no, milliseconds", help="Give up a call whose NEW is not acknowledged in time."
    )

    # Trunks
    trunkmaxsize = Option(
        v.number(1, 10_000_000),
        128_000,
        values="bytes",
        help="Most voice that gathers for one trunk in a tick when trunkmtu = 0; rounded up to 6400.",
    )
    trunkmtu = Option(
        v.zero_or(v.number(172, 3999)), 1240, values="172-3999 bytes, 0 = any", help="Largest trunk datagram."
    )
    trunkfreq = Option(v.number(10, 1000, clamp=True), 20, values="10-1000 ms", help="How often trunk frames are sent.")
    trunktimestamps = Option(v.yes_no, True, values="yes, no", help="A time stamp for each call of a trunk frame.")

    # Jitter buffer
    jitterbuffer = Option(v.yes_no, False, values="yes, no", help="Smooth incoming voice.")
    maxjitterbuffer = Option(MS, 1000, values="ms", help="Largest delay of the jitter buffer.")
    resyncthreshold = Option(
        v.number(-1, 10_000_000), 1000, values="ms, -1 = never", help="Change of delay that resets it."
    )
    maxjitterinterps = Option(MS, 10, values="frames", help="Invented frames in a row.")
    jittertargetextra = Option(MS, 40, values="ms", help="Delay beyond the measured jitter.")

    # Media
    formats = Option(
        None,
        Allowed(DEFAULT_FORMATS),
        names={"allow": v.allow, "disallow": v.disallow, "bandwidth": v.bandwidth},
        values="allow/disallow: format names, all, !name; bandwidth: low, medium, high",
        help="Formats in order of preference.",
        default_text="bandwidth=high",
    )
    codecpriority = Option(
        v.word(CODEC_PRIORITIES),
        v.CodecPriority.HOST,
        values="host, caller, disabled, reqonly",
        help="Whose order of formats counts for an incoming call.",
    )
    transfer = Option[v.Transfer | None](
        None,
        None,
        names={"transfer": v.word(TRANSFERS), "notransfer": notransfer},
        values="yes, no, mediaonly",
        help="Take ourselves out of bridged calls.",
        differs="Only where it is written for both ends; unwritten means no.",
    )

    # What calls get
    language = Option(v.text, "", values="language", help="Language of prompts.")
    accountcode = Option(v.text, "", values="text", help="Account code of calls.")
    amaflags = Option(v.word(AMAFLAGS), "documentation", values=", ".join(AMAFLAGS), help="AMA flags of calls.")
    adsi = Option(v.yes_no, False, values="yes, no", help="Phones with ADSI screens; none are made.", effect=NEVER)
    mohinterpret = Option(v.text, "default", values="music class, passthrough", help="Music on hold to play.")
    mohsuggest = Option(v.text, "", values="music class", help="Music on hold to suggest to the other end.")
    parkinglot = Option(
        v.text, "", values="parking lot", help="CHANNEL(parkinglot) of calls.", differs="There is one lot so far."
    )
    connectedline = Option(
        v.word(CONNECTED_LINE),
        v.ConnectedLine.NO,
        values="yes, no, send, receive",
        help="Connected line updates to and from the other end.",
    )
    shrinkcallerid = Option(v.yes_no, True, values="yes, no", help="Remove ( ) - . and blanks of caller numbers.")
    allowfwdownload = Option(
        v.yes_no,
        False,
        values="yes, no",
        help="Serve the firmware in firmware/iax of the data directory.",
        differs="At most 64 KiB a second for a host, and 512 KiB for all.",
    )

    # Realtime
    rtcachefriends = Option(v.yes_no, False, values="yes, no", help="Keep peers of a database.", effect=LATER)
    rtsavesysname = Option(v.yes_no, False, values="yes, no", help="Store our name with them.", effect=LATER)
    rtupdate = Option(v.yes_no, True, values="yes, no", help="Store registrations in a database.", effect=LATER)
    rtautoclear = Option(v.text, "no", values="yes, no, seconds", help="Forget peers of a database.", effect=LATER)
    rtignoreregexpire = Option(v.yes_no, False, values="yes, no", help="Use stored addresses for ever.", effect=LATER)

    @property
    def listen(self) -> tuple[v.BindAddress, ...]:
        """The addresses to listen on, ports filled in; the wildcard of IPv4 when none is written."""
        return self.bindaddr or (v.BindAddress("0.0.0.0", self.bindport),)
