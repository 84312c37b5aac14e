/// Segments in canonical notation, each form of every option at least once: seeds, vectors, documentation.
#pragma once

namespace anabranch::wire {

inline constexpr const char* kExamples[] = {
    "S 0:0(0) win 65535 <mss 1460, sackOK, TS val 1 ecr 0, wscale 8, capable v1>",
    "S. 0:0(0) ack 1 win 65535 <mss 1460, sackOK, TS val 1 ecr 2, wscale 8, capable v1 key=0x0102030405060708>",
    ". 1:1(0) ack 1 <capable v1 keys=0x0102030405060708,0x1112131415161718>",
    "P. 1:11(10) ack 1 <capable v1 keys=0x0000000000000001,0x0000000000000002 length=10>",
    "P. 1:11(10) ack 1 <capable v1 checksum keys=0x0000000000000001,0x0000000000000002 length=10 csum=0x0012>",
    "S 0:0(0) <capable v2 checksum extensibility no_more_to_this unknown_flags=0x12 no_sha256>",
    "S 0:0(0) <join token=0x01020304 id=1 nonce=0x0a0b0c0d backup>",
    "S. 0:0(0) ack 1 <join mac=0x0102030405060708 id=2 nonce=0x0a0b0c0d>",
    ". 1:1(0) ack 1 <join mac=0x000102030405060708090a0b0c0d0e0f10111213>",
    "P. 1:11(10) ack 1 win 256 <dss ack=1 map=1:1+10 csum=0x1234 fin>",
    ". 1:1(0) ack 1 <dss>",
    ". 1:1(0) ack 1 <dss ack4=5>",
    ". 1:101(100) ack 1 <dss map4=5:1+100>",
    ". 1:1(0) ack 1 <dss ack=7 map=9:0+1 fin>",
    ". 1:1(0) ack 1 <add_addr id=2 10.0.2.1:80 mac=0x0102030405060708>",
    ". 1:1(0) ack 1 <add_addr echo id=2 10.0.2.1>",
    ". 1:1(0) ack 1 <add_addr id=3 2001:db8::1 mac=0x0000000000000001>",
    ". 1:1(0) ack 1 <add_addr echo id=3 [2001:db8::1]:443>",
    ". 1:1(0) ack 1 <remove_addr 1 2 255>",
    ". 1:1(0) ack 1 <prio>",
    ". 1:1(0) ack 1 <dss ack=1, prio backup>",
    ". 1:1(0) ack 1 <fail dsn=77>",
    "R. 1:1(0) ack 1 <fast_close key=0x00000000000000ff, reset reason=mptcp_error transient>",
    "R 1:1(0) win 0 <reset reason=99 unknown_flags=0x0e>",
    ". 1:1(0) ack 1 <TS val 4294967295 ecr 3, sack 11:21 31:41>",
    "SFRPUEW. 5:6(1) ack 0 win 1",
    "- 0:0(0)",
    ". 4294967295:9(10) ack 1 <unknown subtype=15 length=7>",
    "S 0:0(0) <mss 1460, sackOK, capable v0 checksum key=0x0102030405060708>",
    "S. 0:0(0) ack 1 <capable v0 extensibility unknown_flags=0x3e no_sha1 key=0x1112131415161718>",
    ". 1:1(0) ack 1 <capable v0 keys=0x0102030405060708,0x1112131415161718>",
    ". 1:1(0) ack 1 <add_addr v0 id=2 10.0.2.1>",
    ". 1:1(0) ack 1 <add_addr v0 id=2 10.0.2.1:80>",
    ". 1:1(0) ack 1 <add_addr v0 id=3 2001:db8::1>",
    ". 1:1(0) ack 1 <add_addr v0 id=3 [2001:db8::1]:443>",
    ". 1:1(0) ack 1 <prio id=7 backup>",
};
}  // namespace anabranch::wire
