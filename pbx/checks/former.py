"""Applications of old, and what to write today."""

from __future__ import annotations

from pbx.dialplan import registry

#: application that Asterisk 22 has no more (small letters) -> what does its work
FORMER = {
    "absolutetimeout": "Set(TIMEOUT(absolute)=SECONDS)",
    "changemonitor": "StopMixMonitor(), then MixMonitor(FILE)",
    "cut": "Set(NAME=${CUT(VARIABLE,DELIMITER,FIELDS)})",
    "dbdel": "Set(x=${DB_DELETE(FAMILY/KEY)})",
    "dbget": "Set(NAME=${DB(FAMILY/KEY)})",
    "dbput": "Set(DB(FAMILY/KEY)=VALUE)",
    "digittimeout": "Set(TIMEOUT(digit)=SECONDS)",
    "getgroupcount": "Set(NAME=${GROUP_COUNT(GROUP)})",
    "lookupblacklist": "GotoIf(${BLACKLIST()}?...)",
    "macro": "Gosub(NAME,s,1(ARGUMENTS)), with Return() at its end",
    "macroexclusive": "Gosub(NAME,s,1(ARGUMENTS)), and LOCK() within",
    "macroexit": "Return()",
    "macroif": "GosubIf(CONDITION?NAME,s,1(ARGUMENTS))",
    "meetme": "ConfBridge(NUMBER), when it is here",
    "monitor": "MixMonitor(FILE)",
    "nocdr": "Set(CDR_PROP(disable)=1)",
    "random": "GotoIf($[${RAND(1,100)} <= PERCENT]?...)",
    "responsetimeout": "Set(TIMEOUT(response)=SECONDS)",
    "setaccount": "Set(CHANNEL(accountcode)=...)",
    "setamaflags": "Set(CHANNEL(amaflags)=...)",
    "setcallerid": "Set(CALLERID(all)=...)",
    "setcallerpres": "Set(CALLERID(pres)=...)",
    "setcdruserfield": "Set(CDR(userfield)=...)",
    "setcidname": "Set(CALLERID(name)=...)",
    "setcidnum": "Set(CALLERID(num)=...)",
    "setglobalvar": "Set(GLOBAL(NAME)=VALUE)",
    "setgroup": "Set(GROUP()=NAME)",
    "setlanguage": "Set(CHANNEL(language)=...)",
    "setmusiconhold": "Set(CHANNEL(musicclass)=...)",
    "setrdnis": "Set(CALLERID(rdnis)=...)",
    "setvar": "Set(NAME=VALUE)",
    "stopmonitor": "StopMixMonitor()",
    "waitmusiconhold": "MusicOnHold(,SECONDS)",
}


def advice(name: str, data: str) -> str:
    """What to write in place of an application that is gone, or of `NAME,arguments`; "" where nothing is known."""
    head, comma, rest = name.partition(",")
    known = registry.APPLICATIONS.get(head.strip())
    if comma and known is not None:
        return f"{known.name}({rest}{data})"
    return FORMER.get(head.strip().lower(), "")
