"""What can happen to packets on a cable: each rule is an object called with every packet of TCP that passes.

It answers None (pass), or the packets that go on instead: none, the same one changed, several. A condition is a function
of a packet. Rules have state; a case makes its own.
"""
import struct

from cable import (ACK, ADD_ADDR, CAPABLE, DSS, FASTCLOSE, FIN, JOIN, MPTCP_KIND, PRIO, REMOVE_ADDR, RST, SYN)


# --- conditions

def nth(*numbers):
    return lambda packet: packet.number in numbers


def carries(subtype, sender=None):
    return lambda packet: bool(packet.mptcp(subtype)) and sender in (None, packet.sender)


def sent_by(sender):
    return lambda packet: packet.sender == sender


def is_data(packet):
    return len(packet.payload) > 0


def is_syn(packet):
    return packet.has_flags(SYN) and not packet.has_flags(ACK)


def is_syn_ack(packet):
    return packet.has_flags(SYN, ACK)


def is_third_ack(packet):
    """The ACK without data that ends a handshake of MP_CAPABLE."""
    option = packet.mptcp(CAPABLE)
    return bool(option) and not packet.has_flags(SYN) and not packet.payload


def is_join_third_ack(packet):
    return len(packet.mptcp(JOIN)) == 24


def is_join_syn_ack(packet):
    return is_syn_ack(packet) and bool(packet.mptcp(JOIN))


def is_data_fin(packet):
    option = packet.mptcp(DSS)
    return bool(option) and bool(option[3] & 0x10)


def is_announcement(packet):
    """ADD_ADDR that is no echo (RFC 8684 section 3.4.1: the low bit of the third byte)."""
    option = packet.mptcp(ADD_ADDR)
    return bool(option) and not option[2] & 1


def is_echo(packet):
    option = packet.mptcp(ADD_ADDR)
    return bool(option) and bool(option[2] & 1)


def both(*conditions):
    return lambda packet: all(condition(packet) for condition in conditions)


# --- rules

class Lose:
    """The first `times` packets of which the condition holds."""

    def __init__(self, condition, times=1):
        self.condition, self.left = condition, times

    def __call__(self, packet):
        if self.left and self.condition(packet):
            self.left -= 1
            return []
        return None


class Twice:
    def __init__(self, condition, times=1):
        self.condition, self.left = condition, times

    def __call__(self, packet):
        if self.left and self.condition(packet):
            self.left -= 1
            return [packet, packet.copy()]
        return None


class Overtaken:
    """The first packet of which the condition holds waits until `by` others of its sender have passed."""

    def __init__(self, condition, by=1):
        self.condition, self.by, self.held, self.done = condition, by, None, False

    def __call__(self, packet):
        if not self.done and self.condition(packet):
            self.held, self.done = packet, True
            return []
        if self.held is not None and packet.sender == self.held.sender:
            self.by -= 1
            if self.by == 0:
                held, self.held = self.held, None
                return [packet, held]
        return None


class Change:
    """Calls `work` with the first `times` packets (None: all) of which the condition holds; it changes them."""

    def __init__(self, condition, work, times=None):
        self.condition, self.work, self.left = condition, work, times

    def __call__(self, packet):
        if self.left == 0 or not self.condition(packet):
            return None
        if self.left is not None:
            self.left -= 1
        changed = packet.copy()
        self.work(changed)
        return [changed.seal()]


def strip(condition, subtype=None, times=None):
    """Takes MPTCP options (of a subtype) away."""
    def work(packet):
        packet.options = [one for one in packet.options
                          if one[0] != MPTCP_KIND or (subtype is not None and one[2] >> 4 != subtype)]
    return Change(lambda p: condition(p) and bool(p.mptcp(subtype)), work, times)


def corrupt(condition, times=1):
    """Changes a byte in the middle of the payload and makes TCP's checksum right again: what NATs with a gateway for
    some application do, and what only the DSS checksum sees (RFC 8684 section 3.3.1)."""
    def work(packet):
        middle = len(packet.payload) // 2
        packet.payload = packet.payload[:middle] + bytes([packet.payload[middle] ^ 0x20]) + packet.payload[middle + 1:]
    return Change(lambda p: bool(p.payload) and condition(p), work, times)


def spoil(subtype, at, condition=lambda packet: True, times=None):
    """Changes the byte at a place of an option."""
    def work(packet):
        packet.options = [one[:at] + bytes([one[at] ^ 1]) + one[at:][1:]
                          if one[0] == MPTCP_KIND and one[2] >> 4 == subtype else one for one in packet.options]
    return Change(lambda p: bool(p.mptcp(subtype)) and condition(p), work, times)


def narrow_dsn(sender):
    """Writes every mapping's data sequence number with 4 bytes in place of 8, as the RFC allows (section 3.3)."""
    def narrow(option):
        if option[0] != MPTCP_KIND or option[2] >> 4 != DSS or not option[3] & 0x04 or not option[3] & 0x08:
            return option
        at = 4 + ((8 if option[3] & 0x02 else 4) if option[3] & 0x01 else 0)
        out = option[:at] + option[at + 4:]
        return bytes([out[0], len(out), out[2], option[3] & ~0x08]) + out[4:]

    def work(packet):
        packet.options = [narrow(one) for one in packet.options]
    return Change(lambda p: p.sender == sender and bool(p.mptcp(DSS)), work)


class Hole:
    """A link that nothing passes, from when it is made until `open` is set."""

    def __init__(self, link=None, sender=None):
        self.link, self.sender, self.open = link, sender, False

    def __call__(self, packet):
        if self.open or self.link not in (None, packet.link) or self.sender not in (None, packet.sender):
            return None
        return []
