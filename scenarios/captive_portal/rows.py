"""RFC 8041 §3.10: the preferred network leads nowhere, or to a captive portal. The networks are those of
tests/sim/captive_portal_test.cc: Wi-Fi with 20 ms, which is preferred, and a mobile network with 60 ms."""
from reproduce import row


@row("S-11/3.10", "Captive portals: the connection opens over the other network", fast=True, cost=5)
def captive_portal(r):
    """A connection is opened over several paths in a race (RFC 8305); a path that answers without Multipath TCP is held
    for a moment while another may answer with it."""
    def holds(*tests):
        return r.gtest("sim_test", ":".join(f"CaptivePortal.{test}" for test in tests))

    r.check("(i) SYNs vanish: the initial subflow is on the other network", holds("ThatSwallowsPacketsCosts300Milliseconds"),
            ours="within 310 ms, Multipath TCP", criterion="after at most two SYN timeouts, or 250 ms with happy eyeballs")
    r.check("(i) without a race it is not open after 10 s", holds("ThatSwallowsPacketsCostsMuchMoreWithoutARace"),
            ours="not open after 10 s", criterion="the race is what helps")
    r.check("(ii) SYNs are refused: on the other network at once", holds("ThatRefusesCostsItsRoundTrip"),
            ours="within 85 ms: the two round trips", criterion="immediately")
    r.check("(iii) the portal answers in plain TCP, the other network works",
            holds("ThatPretendsLosesToTheNetworkThatSpeaksMultipathTcp"),
            ours="within 85 ms, Multipath TCP, no byte to the portal", criterion="no hang")
    r.check("(iii) the portal is all there is", holds("ThatPretendsAndIsAllThereIsIsPlainTcpAndTheApplicationIsTold"),
            ours="within 300 ms, plain TCP, fallback told; the next one at once",
            criterion="plain TCP to the portal, the API reports the fallback, no hang")
    r.check("A portal that lets go is joined, and nothing is left behind",
            holds("ThatLetsGoIsJoinedLikeAnyOtherNetwork", "NoneOfThemLeavesAnythingBehind"),
            ours="joined; no connection, token or port kept", criterion="as any other network")
    r.check("A server without Multipath TCP is waited for once only", holds("AServerWithoutMultipathTcpIsWaitedForOnceOnly"),
            ours="85 ms the first time, 21 ms then", criterion="ordinary servers do not pay each time")
